"""Checks the device functions as compiled: scripts/check-cuda-module

Of each architecture in the library's image, and of Pascal (compute capability 6.1) as the run-time compiler of CUDA 12 makes it:
every function of src/cuda/functions.inc that the architecture has and no other; nothing in local memory (no spills); the
instructions that names promise (dp4a, dp2a, imma) in machine code, or in intermediate code where nvdisasm does not know the
architecture. Prints registers, shared and local memory of each function. Ends with 1 and one line a finding if there is any, with 77 if there is none but
something could not be looked at, which it says.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import binaries
import checks
import functions
import tools

MISSING = 77
LEAST = {"sm_75", "sm_80", "sm_90", "compute_90"}  # whatever the compiler
PASCAL = 61
SETUP = "scripts/setup-cuda installs it"


class Check:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.findings, self.skipped = [], []
        self.nvrtc, self.nvdisasm = tools.nvrtc(), tools.nvdisasm()
        self.listed = functions.read((tools.ROOT / "src/cuda/functions.inc").read_text(encoding="utf-8"))

    def write(self, *arguments):
        """What the library carries, and what a run-time compiler makes, as files of the folder; returns why not."""
        run = subprocess.run([self.program, self.folder, *arguments], capture_output=True, text=True)
        return "" if run.returncode == 0 else run.stderr.strip()

    def compile(self, name):
        """The file of what the run-time compiler makes for `name`, or None and why not."""
        if self.nvrtc is None:
            return None, f"there is no run-time compiler (NVRTC); {SETUP}"
        why = self.write(self.nvrtc, name)
        return (None, why) if why else (self.folder / name, "")

    def check_image(self, expected):
        """The cubins of the image."""
        why = self.write()
        if why:
            raise SystemExit(f"cuda_module: {why}")
        image = (self.folder / "module.fatbin").read_bytes()
        if not expected and not image:
            self.skipped.append("the image: this build has no CUDA compiler")
            return []
        parts = binaries.parts_of(image)
        names = {part.name for part in parts}
        for name in sorted((LEAST | expected) - names):
            self.findings.append(f"the image has no {name}, only {', '.join(sorted(names))}")
        for name in sorted(names - LEAST - expected):
            self.findings.append(f"the image has {name}, which nobody asked for")
        print(f"image: {len(image)} bytes: " + ", ".join(f"{part.name} {len(part.bytes)}" for part in parts))
        cubins = []
        for part in parts:
            if part.kind == binaries.CUBIN and part.compressed:
                self.findings.append(f"{part.name} is compressed in the image, so that this cannot look into it")
            elif part.kind == binaries.CUBIN:
                (self.folder / part.name).write_bytes(part.bytes)
                cubins.append(self.folder / part.name)
        return cubins

    def check_cubin(self, file):
        cubin = binaries.read_cubin(file.read_bytes())
        if f"sm_{cubin.sm}" != file.name:
            self.findings.append(f"expected a cubin of {file.name}, got one of sm_{cubin.sm}")
        self.findings += checks.check_functions(self.listed, cubin)
        self.findings += checks.check_resources(self.listed, cubin)
        self.check_instructions(cubin.sm, file)
        return cubin

    def check_instructions(self, sm, file):
        if not any(functions.promises_of(f) for f in self.listed if f.least_sm <= sm):
            return
        listing, why_no_code = None, f"there is no nvdisasm; {SETUP}"
        if self.nvdisasm is not None:
            listing, why_no_code = tools.disassemble(self.nvdisasm, file)
        if listing is not None:
            self.findings += checks.check_instructions(self.listed, sm, checks.machine_code(listing), 0)
            return
        made, why_no_ptx = self.compile(f"compute_{sm}")
        if made is None:
            self.skipped.append(f"instructions of sm_{sm}: {why_no_code}; {why_no_ptx}")
            return
        code = checks.intermediate_code(made.read_bytes().rstrip(b"\0").decode())
        self.findings += checks.check_instructions(self.listed, sm, code, 1)
        print(f"instructions of sm_{sm} were looked for in intermediate code: {why_no_code}")

    def run(self, expected):
        files = self.check_image(expected)
        if f"sm_{PASCAL}" not in {file.name for file in files}:
            made, why = self.compile(f"sm_{PASCAL}")
            if made is None:
                self.skipped.append(f"sm_{PASCAL}: {why}")
            else:
                files.insert(0, made)
        print_table([self.check_cubin(file) for file in files])


def print_table(cubins):
    """A line a function: registers, shared and local bytes (of spills, 0) and kilobytes of code on each architecture."""
    if not cubins:
        return
    names = sorted({name for cubin in cubins for name in cubin.functions})
    width = max(map(len, names))
    print("registers/shared memory/local memory in bytes/code in KB")
    print(" " * width + "".join(f"{f'sm_{cubin.sm}':>20}" for cubin in cubins))
    for name in names:
        cells = [cubin.functions.get(name) for cubin in cubins]
        texts = [f"{r.registers}/{r.shared}/{r.stack}/{r.code / 1024:.1f}" if r else "-" for r in cells]
        print(f"{name:{width}}" + "".join(f"{text:>20}" for text in texts))


def main():
    parser = argparse.ArgumentParser(prog="scripts/check-cuda-module", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=tools.ROOT / "build/release/tests/cuda_module_files",
                        help="writes what the library carries")
    parser.add_argument("--image", default=" ".join(sorted(LEAST)), help="the image's parts; empty: there is none")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        check = Check(options.program, pathlib.Path(folder))
        check.run(set(options.image.split()))
    for reason in check.skipped:
        print(f"skipped: {reason}")
    for finding in check.findings:
        print(f"finding: {finding}")
    print(f"CUDA module: {len(check.listed)} functions, {len(check.findings)} findings, {len(check.skipped)} skipped")
    return 1 if check.findings else MISSING if check.skipped else 0


if __name__ == "__main__":
    sys.exit(main())
