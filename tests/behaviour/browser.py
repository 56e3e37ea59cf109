"""Headless Chromium, told what to do by its own protocol over two pipes: nothing to install beside it."""
import base64
import itertools
import json
import os
import select
import subprocess
import tempfile
import time


class Browser:
    """One page. Threads: one. Ends with close() or the `with` block."""

    def __init__(self, program="chromium", *flags):
        self.profile = tempfile.TemporaryDirectory()
        read_end, self.to = os.pipe()
        self.back, write_end = os.pipe()
        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe", f"--user-data-dir={self.profile.name}", *flags],
            preexec_fn=lambda: self._place(read_end, write_end), close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(read_end)
        os.close(write_end)
        self.numbers, self.buffer, self.events, self.session = itertools.count(1), b"", [], None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(domain + ".enable")

    @staticmethod
    def _place(read_end, write_end):
        """The browser reads descriptor 3 and writes 4; both may be ends of our pipes already."""
        read_end, write_end = (os.dup2(end, 1000 + i) for i, end in enumerate((read_end, write_end)))
        os.dup2(read_end, 3)
        os.dup2(write_end, 4)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=30)
        os.close(self.to)
        os.close(self.back)
        self.profile.cleanup()

    def _next(self, seconds):
        end = time.monotonic() + seconds
        while b"\0" not in self.buffer:
            if not select.select([self.back], [], [], max(0, end - time.monotonic()))[0]:
                return {}
            data = os.read(self.back, 1 << 20)
            if not data:
                raise RuntimeError("the browser ended")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(message)
        if "method" in message:
            self.events.append(message)
        return message

    def send(self, method, **parameters):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters, **({"sessionId": self.session} if self.session else {})}
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while (answer := self._next(60)).get("id") != number:
            if not answer:
                raise TimeoutError(method)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def js(self, text):
        """The value of an expression in the page; waits for a promise."""
        got = self.send("Runtime.evaluate", expression=text, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in got:
            raise RuntimeError(f"{text}: {got['exceptionDetails']['exception'].get('description')}")
        return got["result"].get("value")

    def until(self, text, seconds=30):
        end = time.monotonic() + seconds
        while not (got := self.js(text)):
            if time.monotonic() > end:
                raise TimeoutError(text)
            self.wait(0.05)
        return got

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._next(left)

    def window(self, width, height=900, dark=False, touch=False):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if touch else 1, mobile=touch)
        self.send("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def go(self, url):
        self.send("Page.navigate", url="about:blank")  # else a URL that differs in its fragment alone loads nothing
        self.send("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def choose_file(self, selector, path):
        root = self.send("DOM.getDocument")["root"]["nodeId"]
        node = self.send("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.send("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def screenshot(self, path):
        self.wait(0.5)
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def troubles(self):
        """What the page threw and the browser complained about since the last call."""
        found = []
        for event in self.events:
            if event["method"] == "Log.entryAdded":
                found.append(event["params"]["entry"]["text"])
            if event["method"] == "Runtime.exceptionThrown":
                found.append(str(event["params"]["exceptionDetails"]))
        self.events.clear()
        return found
