"""The page at "/" of arete-serve as a person uses it, in headless Chromium (package `chromium`, which ./check does not
need: run this one by hand). ARETE_SHOTS names a folder for pictures of it.

    ARETE_BIN=build/release ARETE_SOURCE=. build/venv/bin/python tests/behaviour/page_in_browser.py
"""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from browser import Browser
from page_test import HOSTILE, make_keys, make_models, make_versions
from PIL import Image
from serve_test import SERVE, Server, encode

SHOTS = os.environ.get("ARETE_SHOTS")


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.parent = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.parent.name)
        cls.models = make_models(cls.folder)
        cls.server = Server(*cls.models, "--repository", make_versions(cls.folder), "--split", "twice:1=50,2=50")
        cls.browser = Browser("chromium", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
        (cls.folder / "photo.png").write_bytes(encode(Image.new("RGB", (60, 40), (200, 90, 60)), "PNG"))

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.server.stop()
        cls.parent.cleanup()

    def setUp(self):
        self.open(self.server)

    def open(self, server, **window):
        self.browser.window(**{"width": 1400, **window})
        self.browser.go(server.url)
        self.browser.until("models.length && model")
        self.browser.events.clear()

    def choose(self, name, version="1"):
        self.browser.js(f"choose(models.find(m => m.name === {name!r} && m.version === {version!r}))")

    def ask(self, script="$(form + '-form').requestSubmit()"):
        self.browser.js(script)
        self.browser.until("(!$('shown').hidden || !$('error').hidden) && !$('answer').classList.contains('busy')")

    def text(self, name):
        return self.browser.js(f"$('{name}').innerText")

    def shot(self, name):
        if SHOTS:
            self.browser.screenshot(Path(SHOTS) / f"{name}.png")

    def type_into(self, tensor, text):
        self.browser.js(f"$('tensor-{tensor}').value = {text!r}; $('tensor-{tensor}').oninput()")

    def test_hostile_labels_are_shown_as_text(self):
        self.choose("la bels <i>")
        self.browser.choose_file("#file", self.folder / "photo.png")
        self.ask("0")
        self.assertEqual(set(self.browser.js("[...document.querySelectorAll('#bars b')].map(b => b.textContent)")), set(HOSTILE))
        self.assertIn(self.text("best"), HOSTILE)
        self.assertEqual(self.browser.js("document.querySelectorAll('#answer img, #answer script, #name i, #list i').length"), 0)
        self.assertEqual(self.browser.troubles(), [])
        self.assertEqual([word in self.text("times") for word in ("decode", "queue", "model", "network")], [True] * 4)
        self.shot("image")

    def test_a_picture_from_the_camera(self):
        self.choose("la bels <i>")
        self.browser.js("$('camera').click()")
        self.browser.until("$('viewfinder').open && $('video').videoWidth")
        self.ask("$('shoot').click()")
        self.assertIn(self.text("best"), HOSTILE)
        self.assertFalse(self.browser.js("$('viewfinder').open || $('video').srcObject.active"))

    def test_a_record(self):
        self.choose("record")
        self.assertEqual(self.browser.js("[...$('fields').querySelectorAll('label')].map(l => l.textContent + l.control.value)"), ["heat1.5", "load"])
        self.ask()
        self.assertIn("400", self.text("what"))
        self.assertIn("load", self.text("why"))
        self.shot("record-error")
        self.browser.js("$('fields').querySelectorAll('input')[1].value = '4'")
        self.ask()
        self.assertIn("-4", self.text("outputs"))

    def test_tensors_of_two_inputs(self):
        self.choose("mixed")
        self.ask()
        self.assertEqual(self.browser.troubles(), [])
        self.type_into(1, "[9007199254740993]")
        self.ask()
        self.assertIn("9007199254740993", self.text("outputs"))
        self.shot("two-inputs")
        self.type_into(1, "[1.5")
        self.ask()
        self.assertIn("whole is no JSON yet", self.text("why"))
        self.type_into(1, "[1.5]")
        self.ask()
        self.assertIn("int64", self.text("why"))

    def test_each_version(self):
        for version, answer in (("1", "3"), ("2", "-3")):
            self.choose("twice", version)
            self.type_into(0, "[[3]]")
            self.ask()
            self.assertIn("\n" + answer, "\n" + self.text("outputs").split("\n")[-1])

    def test_repeating_shows_a_distribution(self):
        self.choose("mixed")
        self.ask()
        self.browser.js("$('at-once').value = '4'; repeat()")
        self.browser.until("!$('burst').hidden")
        self.assertEqual(self.browser.js("$('burst').querySelectorAll('.columns > div').length"), 40)
        self.assertIn("100 answered", self.text("said"))
        self.browser.until("/[1-9]/.test($('tiles').querySelector('dd').textContent)")  # the server counted them
        self.shot("repeat")

    def test_it_asks_for_numbers_while_it_can_be_seen(self):
        count = "performance.getEntriesByType('resource').filter(r => r.name.endsWith('/metrics')).length"
        before = self.browser.js(count)
        self.browser.until(f"{count} >= {before} + 2")
        self.browser.js("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        self.browser.wait(2)
        hidden = self.browser.js(count)
        self.browser.wait(3)
        self.assertEqual(self.browser.js(count), hidden)
        self.browser.js("delete document.hidden; dispatchEvent(new Event('visibilitychange'))")
        self.browser.until(f"{count} > {hidden}")

    def test_a_key_is_asked_for_and_kept_in_memory_alone(self):
        with Server(self.models[2], "--api-keys", make_keys(self.folder)) as server:
            self.open(server)
            self.assertFalse(self.browser.js("!$('key-bar').hidden"))
            self.ask()
            self.assertEqual(self.browser.js("document.activeElement.id"), "key")
            self.assertIn("401", self.text("what"))
            self.shot("key")
            for key, state in (("wrong", "!$('error').hidden"), ("open sesame", "!$('shown').hidden && $('key-bar').hidden")):
                self.browser.js(f"$('key').value = {key!r}; $('key-bar').requestSubmit()")
                self.browser.until(state)
            self.assertNotIn("sesame", self.text("curl"))
            self.assertEqual(self.browser.js("localStorage.length + sessionStorage.length + document.cookie.length"), 0)
            self.open(server)
            self.ask()
            self.assertIn("401", self.text("what"))

    def test_nothing_hangs_over_the_edge(self):
        for width in (320, 390, 800, 1400):
            self.open(self.server, width=width, dark=width == 390, touch=width < 400)
            for name in ("mixed", "record", "la bels <i>"):
                self.choose(name)
                if name != "la bels <i>":
                    self.ask()
                self.assertLessEqual(self.browser.js("document.documentElement.scrollWidth"), width, name)
                self.shot(f"{name.split()[0]}-{width}")

    def test_keys_alone_reach_everything(self):
        self.choose("record")
        reached = set()
        self.browser.js("document.activeElement.blur()")
        for _ in range(30):
            self.browser.send("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
            reached.add(self.browser.js("document.activeElement.textContent.trim() || document.activeElement.name || document.activeElement.dataset.name || document.activeElement.id"))
        for name in ("To the question", "form", "heat", "load", "Ask the model", "Copy", "OpenAPI"):
            self.assertIn(name, reached)

    def test_a_server_that_is_gone_is_missed_and_found_again(self):
        first = Server(self.models[1])
        self.open(first)
        first.stop()
        self.browser.until("$('server').className === 'down'")
        self.ask("askJson('{}')")
        self.assertIn("did not answer", self.text("what"))
        again = subprocess.Popen([SERVE, self.models[1], "--port", str(first.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.browser.until("$('server').className === ''")
        finally:
            again.terminate()
            again.wait()


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
