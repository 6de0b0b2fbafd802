"""Reads what CUDA compilers make, without their tools: a fat binary's parts, a cubin's functions and what they take.

A fat binary is a header and parts one behind another, a cubin an ELF file of which NVIDIA documents the section names and the
tools' output; the few numbers below are what those tools print (test_cuda_module.py compares)."""
import dataclasses
import struct

MAGIC = 0xBA55ED50
PTX, CUBIN = 1, 2
COMPRESSED = 0x2000 | 0x8000  # flags of a part: LZ4, Zstandard
NOBITS = 8  # ELF: a section without bytes in the file
# Attributes of the section .nv.info: a symbol and a number.
REGISTERS, STACK_FRAME = 0x2F, 0x11


@dataclasses.dataclass(frozen=True)
class Part:
    kind: int
    sm: int
    bytes: bytes  # of a compressed part as they lie there
    compressed: bool

    @property
    def name(self):
        return f"{'compute' if self.kind == PTX else 'sm'}_{self.sm}"


def parts_of(image):
    """The parts of a fat binary. Raises ValueError for anything else."""
    try:
        magic, version, header, size = struct.unpack_from("<IHHQ", image)
        if magic != MAGIC or version != 1 or header + size != len(image):
            raise ValueError(f"expected a fat binary of {len(image)} bytes, got {magic:#x}, version {version}, {header + size} bytes")
        at, parts = header, []
        while at < len(image):
            kind, _, header, size = struct.unpack_from("<HHIQ", image, at)
            (sm,) = struct.unpack_from("<I", image, at + 28)
            (flags,) = struct.unpack_from("<Q", image, at + 40)
            if at + header + size > len(image):
                raise ValueError(f"a part at byte {at} reaches beyond the fat binary")
            parts.append(Part(kind, sm, image[at + header:at + header + size], bool(flags & COMPRESSED)))
            at += header + size
        return parts
    except struct.error as error:
        raise ValueError(f"a fat binary of {len(image)} bytes ends early: {error}") from None


@dataclasses.dataclass
class Resources:
    registers: int = 0
    shared: int = 0  # bytes of a block, without what a launch adds
    stack: int = 0  # bytes of a thread in local memory: spilled registers and arrays that cannot be in registers
    code: int = 0  # bytes


@dataclasses.dataclass(frozen=True)
class Cubin:
    sm: int
    functions: dict  # name: Resources


def text_at(table, offset):
    return table[offset:table.index(b"\0", offset)].decode()


def read_cubin(data):
    """Raises ValueError for anything but a cubin."""
    try:
        if data[:5] != b"\x7fELF\x02" or struct.unpack_from("<H", data, 18)[0] != 190:
            raise ValueError("expected a cubin, an ELF file of 64 bits for NVIDIA's machines")
        (flags,) = struct.unpack_from("<I", data, 48)
        # The ABI of CUDA 13 (8) has the compute capability in another place than the ones before.
        sm = flags >> 8 & 0xFF if data[8] >= 8 else flags & 0xFF
        (start,) = struct.unpack_from("<Q", data, 40)
        entry, count, names = struct.unpack_from("<HHH", data, 58)
        sections = []
        for i in range(count):
            name, kind, _, _, offset, size, link = struct.unpack_from("<IIQQQQI", data, start + i * entry)
            if kind != NOBITS and offset + size > len(data):
                raise ValueError(f"section {i} reaches beyond the cubin's {len(data)} bytes")
            sections.append((name, kind, offset, size, link))
        contents = [b"" if kind == NOBITS else data[offset:offset + size] for _, kind, offset, size, _ in sections]
        named = {text_at(contents[names], name): i for i, (name, *_) in enumerate(sections)}
        functions = {name.removeprefix(".text."): Resources(code=sections[i][3])
                     for name, i in named.items() if name.startswith(".text.")}
        for name, resources in functions.items():
            if f".nv.shared.{name}" in named:
                resources.shared = sections[named[f".nv.shared.{name}"]][3]
        symbols = named[".symtab"]
        strings = contents[sections[symbols][4]]
        for attribute, symbol, number in numbers_of(contents[named[".nv.info"]]):
            name = text_at(strings, struct.unpack_from("<I", contents[symbols], 24 * symbol)[0])
            if name in functions and attribute == REGISTERS:
                functions[name].registers = number
            elif name in functions and attribute == STACK_FRAME:
                functions[name].stack = number
        return Cubin(sm, functions)
    except (struct.error, IndexError, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"a damaged cubin of {len(data)} bytes: {error!r}") from None


def numbers_of(info):
    """(attribute, symbol, number) of a section .nv.info."""
    at = 0
    while at < len(info):
        form, attribute, size = struct.unpack_from("<BBH", info, at)
        at += 4
        if form == 4:  # `size` bytes follow; in the other forms the size is the value
            if size == 8:
                yield attribute, *struct.unpack_from("<II", info, at)
            at += size
