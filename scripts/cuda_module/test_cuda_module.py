"""The checks of scripts/cuda_module themselves, on functions that have what is wrong. Skipped where a tool is missing, which it says."""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import binaries
import checks
import functions
import tools

LIST = """// OCTET_DEVICE_FUNCTION(name, parameters, body, threads of a block, least compute capability)
OCTET_DEVICE_FUNCTION(good_dp4a, Params, (good<Tile<64, 4>>), 128, 61)
OCTET_DEVICE_FUNCTION(empty_dp4a, Params, empty, 128, 61)  // 8.0
OCTET_DEVICE_FUNCTION(good_dp2a, Params,
                      good, 128, 61)
OCTET_DEVICE_FUNCTION(good_imma, Params, good, 128, 75)
OCTET_DEVICE_FUNCTION(small_imma, Params, small, 128, 75)
OCTET_DEVICE_FUNCTION(spilling, Params, good, 1024, 61)
OCTET_DEVICE_FUNCTION(missing, Params, good, 128, 61)
#undef OCTET_DEVICE_FUNCTION
"""
DOT = """extern "C" __global__ void octet_{name}(const int* p, int* q) {{
  int r;
  asm("{instruction} %0, %1, %2, %3;" : "=r"(r) : "r"(p[0]), "r"(p[1]), "r"(p[2]));
  *q = r;
}}
"""
SMALL = """  asm volatile("mma.sync.aligned.m8n8k16.row.col.s32.u8.s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};"
               : "+r"(d[0]), "+r"(d[1]) : "r"(p[4]), "r"(p[5]));
"""
LARGE = """  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
               : "r"(p[4]), "r"(p[5]), "r"(p[6]), "r"(p[7]), "r"(p[8]), "r"(p[9]));
"""
TILE = """extern "C" __global__ void octet_{name}(const int* p, int* q) {{
  int d[4] = {{p[0], p[1], p[2], p[3]}};
{body}  for (int i = 0; i < 4; ++i) q[i] = d[i];
}}
"""
# 90 values across a barrier in 64 registers.
SPILLING = """extern "C" __global__ void __launch_bounds__(1024) octet_spilling(const int* p, int* q) {
  __shared__ int s[100];
  int v[90];
#pragma unroll
  for (int i = 0; i < 90; ++i) v[i] = p[i * 7 + threadIdx.x];
  s[threadIdx.x % 100] = v[3];
  __syncthreads();
#pragma unroll
  for (int i = 0; i < 90; ++i) q[i * 5 + threadIdx.x] = v[i] + v[89 - i] * v[(i + 7) % 90] + s[i];
}
"""
SOURCE = "".join([
    DOT.format(name="good_dp4a", instruction="dp4a.u32.s32"),
    'extern "C" __global__ void octet_empty_dp4a(int* q) { *q = 3; }\n',
    DOT.format(name="good_dp2a", instruction="dp2a.hi.s32.s32"),
    TILE.format(name="good_imma", body=f"#if __CUDA_ARCH__ >= 800\n{LARGE}#else\n{SMALL}#endif\n"),
    TILE.format(name="small_imma", body=SMALL),
    SPILLING,
    'extern "C" __global__ void octet_surplus(int* q) { *q = 3; }\n',
])
REPORT = re.compile(r"Compiling entry function '(\w+)'.*?(\d+) bytes stack frame.*?Used (\d+) registers(?:[^\n]*?(\d+) bytes smem)?", re.DOTALL)


def words(findings):
    """Architecture and function of findings."""
    return sorted(re.match(r"(sm_\d+): (?:.*?)(octet_\w+)", finding).groups() for finding in findings)


class ListTest(unittest.TestCase):
    def test_every_line_is_read_whatever_stands_in_it(self):
        listed = functions.read(LIST)
        self.assertEqual([f.name for f in listed], ["octet_" + name for name in (
            "good_dp4a", "empty_dp4a", "good_dp2a", "good_imma", "small_imma", "spilling", "missing")])
        self.assertEqual((listed[5].threads, listed[3].least_sm), (1024, 75))

    def test_a_line_that_cannot_be_read_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "8 lines .* 7 could be read"):
            functions.read(LIST + "OCTET_DEVICE_FUNCTION(x, Params, x, many, 61)\n")
        with self.assertRaises(ValueError):
            functions.read("")

    def test_the_list_of_the_module_is_read(self):
        text = (tools.ROOT / "src/cuda/functions.inc").read_text(encoding="utf-8")
        self.assertIn("octet_pool_max_u8", [f.name for f in functions.read(text)])

    def test_later_devices_promise_what_the_last_change_says(self):
        imma = next(p for p in functions.PROMISES if p.word == "imma")
        self.assertIn("8816", imma.of(75)[0])
        for sm in (80, 86, 90, 120):
            self.assertIn("16832", imma.of(sm)[0])


class CompiledTest(unittest.TestCase):
    """A small module, compiled here."""

    @classmethod
    def setUpClass(cls):
        if tools.nvcc() is None:
            raise unittest.SkipTest("there is no nvcc")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        (cls.folder / "small.cu").write_text(SOURCE, encoding="utf-8")
        cls.listed = functions.read(LIST)
        targets = ["arch=compute_75,code=sm_75", "arch=compute_80,code=[sm_80,compute_80]"]
        cls.report = cls.compile("-fatbin", "small.fatbin", *[word for target in targets for word in ("-gencode", target)])
        cls.image = (cls.folder / "small.fatbin").read_bytes()
        cls.cubins = {part.sm: part.bytes for part in binaries.parts_of(cls.image) if part.kind == binaries.CUBIN}

    @classmethod
    def compile(cls, kind, output, *options):
        """What the compiler said of registers."""
        command = [tools.nvcc(), kind, "-O3", "--resource-usage", *options, "-o", output, "small.cu"]
        run = subprocess.run(command, cwd=cls.folder, capture_output=True, text=True)
        if run.returncode != 0:
            raise AssertionError(run.stderr)
        return run.stdout + run.stderr

    def test_the_image_has_the_parts_that_were_asked_for(self):
        self.assertEqual([part.name for part in binaries.parts_of(self.image)], ["sm_75", "sm_80", "compute_80"])
        self.assertEqual({sm: binaries.read_cubin(cubin).sm for sm, cubin in self.cubins.items()}, {75: 75, 80: 80})

    def test_compressed_parts_are_seen_to_be_so(self):
        self.compile("-fatbin", "compressed.fatbin", "-arch=sm_80", "-Xfatbin", "-compress-all")
        parts = binaries.parts_of((self.folder / "compressed.fatbin").read_bytes())
        self.assertTrue(all(part.compressed for part in parts))
        self.assertFalse(any(part.compressed for part in binaries.parts_of(self.image) if part.kind == binaries.CUBIN))

    def test_resources_are_those_that_the_compiler_reports(self):
        for sm, data in self.cubins.items():
            cubin = binaries.read_cubin(data)
            report = "".join(part for part in re.split("(?=Compiling entry)", self.report) if f"for 'sm_{sm}'" in part)
            said = {name: (int(registers), int(shared or 0), int(stack))
                    for name, stack, registers, shared in REPORT.findall(report)}
            self.assertEqual(len(said), 7)
            self.assertEqual({name: (r.registers, r.shared, r.stack) for name, r in cubin.functions.items()}, said)

    def test_spills_missing_and_surplus_functions_are_found(self):
        for sm, data in self.cubins.items():
            cubin = binaries.read_cubin(data)
            self.assertEqual(words(checks.check_resources(self.listed, cubin)), [(f"sm_{sm}", "octet_spilling")])
            self.assertEqual(words(checks.check_functions(self.listed, cubin)),
                             [(f"sm_{sm}", "octet_missing"), (f"sm_{sm}", "octet_surplus")])

    def test_a_block_that_takes_more_registers_than_there_are_is_found(self):
        cubin = binaries.Cubin(80, {"octet_spilling": binaries.Resources(registers=72)})
        self.assertRegex(next(checks.check_resources(self.listed, cubin)), "72 registers in each of 1024 threads")

    def expect_instructions(self, sm, code, form):
        listed = [f for f in self.listed if f.name != "octet_missing"]
        findings = list(checks.check_instructions(listed, sm, code, form))
        wrong = ["octet_empty_dp4a"] + (["octet_small_imma"] if sm >= 80 else [])
        self.assertEqual(words(findings), [(f"sm_{sm}", name) for name in wrong], findings)

    def test_instructions_that_a_name_promises_are_looked_for_in_machine_code(self):
        if tools.nvdisasm() is None:
            self.skipTest("there is no nvdisasm; scripts/setup-cuda installs it")
        for sm, data in self.cubins.items():
            file = self.folder / f"sm_{sm}.cubin"
            file.write_bytes(data)
            listing, why = tools.disassemble(tools.nvdisasm(), file)
            self.assertEqual(why, "")
            self.expect_instructions(sm, checks.machine_code(listing), 0)

    def test_instructions_that_a_name_promises_are_looked_for_in_intermediate_code(self):
        for sm in (75, 80):
            self.compile("-ptx", f"{sm}.ptx", f"-arch=compute_{sm}")
            code = checks.intermediate_code((self.folder / f"{sm}.ptx").read_text(encoding="utf-8"))
            self.expect_instructions(sm, code, 1)

    def test_damaged_files_are_errors(self):
        cubin = self.cubins[80]
        for read, data in ((binaries.read_cubin, cubin), (binaries.parts_of, self.image)):
            for size in (0, 3, 40, 64, len(data) // 2):
                with self.assertRaises(ValueError, msg=f"{read.__name__} of {size} bytes"):
                    read(data[:size])


if __name__ == "__main__":
    unittest.main()
