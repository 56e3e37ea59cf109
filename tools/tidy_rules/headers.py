"""Which headers belong to whom: the language, the operating system, each third-party library of src/rooms.txt."""

import re

# Library name in src/rooms.txt -> what its headers begin with.
THIRD_PARTY = {
    "nlohmann": ("nlohmann/",),
    "zlib": ("zlib.h", "zconf.h"),
    "spdlog": ("spdlog/", "fmt/"),
    "boost": ("boost/",),
    "openssl": ("openssl/",),
    "curl": ("curl/",),
    "mosquitto": ("mosquitto",),
    "sqlite": ("sqlite3",),
    "onnx": ("onnx/",),
    "grpc": ("grpcpp/", "grpc/", "open_inference."),  # and what is generated
    "protobuf": ("google/protobuf/",),
    "zstd": ("zstd", "zdict.h"),
    "ort_headers": ("onnxruntime_",),
    "openvino": ("openvino/",),
    "turbojpeg": ("turbojpeg.h", "jpeglib.h"),
    "spng": ("spng.h",),
    "sndfile": ("sndfile.h",),
    "kissfft": ("kiss_fft", "kissfft/"),
    "opencv": ("opencv2/",),
    "simdjson": ("simdjson",),
    "highway": ("hwy/",),
    "cli11": ("CLI/",),
    "gtest": ("gtest/", "gmock/"),
    "benchmark": ("benchmark/",),
}

CPP_STANDARD = frozenset("""
algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes climits clocale
cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef cstdint cstdio cstdlib
cstring ctime cuchar cwchar cwctype deque exception filesystem forward_list fstream functional future initializer_list
iomanip ios iosfwd iostream istream iterator latch limits list locale map memory memory_resource mutex new numbers numeric
optional ostream queue random ranges ratio regex scoped_allocator semaphore set shared_mutex source_location span sstream
stack stdexcept stop_token streambuf string string_view strstream syncstream system_error thread tuple type_traits typeindex
typeinfo unordered_map unordered_set utility valarray variant vector version
assert.h ctype.h errno.h fenv.h float.h inttypes.h limits.h locale.h math.h setjmp.h stdalign.h stdarg.h stdbool.h stddef.h
stdint.h stdio.h stdlib.h string.h time.h wchar.h
immintrin.h x86intrin.h arm_neon.h cpuid.h
""".split())
_SYSTEM = re.compile(r"(sys|netinet|arpa|net|linux|asm|bits)/|[a-z0-9_]+\.h$")

# (room, header): what a room outside os.* may take from the operating system.
SYSTEM_ALLOWED = {("engine.onnxruntime", "dlfcn.h"), ("engine.openvino", "dlfcn.h"), ("engine.aot", "dlfcn.h")}


def library_of(header):
    """The third-party library that a header belongs to, or None."""
    for library, prefixes in THIRD_PARTY.items():
        if header.startswith(prefixes):
            return library
    return None


def is_system(header):
    return bool(_SYSTEM.match(header))
