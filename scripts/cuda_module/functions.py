"""The list of device functions (src/cuda/functions.inc), and which instructions a function's name promises."""
import dataclasses
import re

PREFIX = "octet_"  # of a function's symbol (src/cuda/device/module.cu)
LINE = re.compile(r"OCTET_DEVICE_FUNCTION\(\s*(\w+)\s*,(.*?),\s*(\d+)\s*,\s*(\d+)\s*\)\s*$", re.MULTILINE | re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Function:
    name: str  # its symbol
    threads: int
    least_sm: int


def read(text):
    """The functions of a list's text."""
    code = re.sub(r"//[^\n]*", "", text)
    found = [Function(PREFIX + name, int(threads), int(sm)) for name, _, threads, sm in LINE.findall(code)]
    lines = len(re.findall(r"OCTET_DEVICE_FUNCTION\(", code))
    if len(found) != lines or not found:
        raise ValueError(f"functions.inc has {lines} lines OCTET_DEVICE_FUNCTION(...), of which {len(found)} could be read")
    return found


@dataclasses.dataclass(frozen=True)
class Promise:
    """In a function whose name has `word` there is an instruction of the kind, and all of them are the wanted one. A form is a
    pattern of machine code (nvdisasm) and one of intermediate code (PTX)."""
    word: str
    kind: tuple
    wanted: dict  # least compute capability: form; the last that a device reaches counts

    def of(self, sm):
        return self.wanted[max((least for least in self.wanted if least <= sm), default=min(self.wanted))]


PROMISES = [
    Promise("dp4a", (r"\bIDP\.4A\.", r"\bdp4a\."), {61: (r"\bIDP\.4A\.U8\.S8 ", r"\bdp4a\.u32\.s32\s")}),
    Promise("dp2a", (r"\bIDP\.2A\.", r"\bdp2a\."),
            {61: (r"\bIDP\.2A\.(LO|HI)\.S16\.S8 ", r"\bdp2a\.(lo|hi)\.s32\.s32\s")}),
    Promise("imma", (r"\bIMMA\.", r"\bmma\.sync\."),
            {75: (r"\bIMMA\.8816\.U8\.S8 ", r"\bmma\.sync\.aligned\.m8n8k16\.row\.col(\.satfinite)?\.s32\.u8\.s8\.s32\s"),
             80: (r"\bIMMA\.16832\.U8\.S8 ", r"\bmma\.sync\.aligned\.m16n8k32\.row\.col(\.satfinite)?\.s32\.u8\.s8\.s32\s")}),
]


def promises_of(function):
    return [promise for promise in PROMISES if promise.word in function.name]
