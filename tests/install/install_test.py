"""Installs Octet into a temporary folder and uses it as a program elsewhere would: the examples, built by CMake against the
shared and the static library and by pkg-config, must find it there and give right answers.

  install_test.py --build BUILD --cmake CMAKE --generator NAME --compiler CXX --version VERSION
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples"
OCTET_20 = ROOT / "src" / "zoo" / "octet_20"
PICTURES = 40
options = None


def run(*command, **keywords):
    """What the command prints; a failure shows all that it said."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **keywords)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(str(c) for c in command)}\nended with {done.returncode}:\n{done.stdout}")
    return done.stdout


class InstalledLibrary(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="octet-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        first = cls.folder / "first"
        run(options.cmake, "--install", options.build, "--prefix", first)
        cls.prefix = cls.folder / "moved"  # an installed tree has no path of its own in it
        first.rename(cls.prefix)
        cls.library_folder = next(cls.prefix.rglob("liboctet.a")).parent
        cls.pictures = cls.folder / "pictures"
        run(cls.prefix / "bin" / "octet", "draw", "--set", "test", "--count", PICTURES, "--images", cls.pictures)

    def configure(self, source, build, *more):
        run(options.cmake, "-S", source, "-B", build, "-G", options.generator, f"-DCMAKE_PREFIX_PATH={self.prefix}",
            f"-DCMAKE_CXX_COMPILER={options.compiler}", *more)

    def check_examples(self, folder):
        """Each example, as its first lines say that it is called."""
        network = [OCTET_20 / "octet_20.prototxt", OCTET_20 / "octet_20.caffemodel"]
        pictures = sorted(self.pictures.glob("*.png"))
        names = (self.pictures / "classes.txt").read_text(encoding="utf-8").splitlines()
        for label in range(4):  # picture n has class n mod 20, and the network knows these four
            said = run(folder / "classify" / "classify", *network, self.pictures / "classes.txt", pictures[label], 128, 128, 128)
            self.assertIn(names[label], said.splitlines()[0])

        calibration = self.folder / "calibration.json"
        said = run(folder / "calibrate_and_run" / "calibrate_and_run", *network, calibration, 128, *pictures)
        same, measured = map(int, re.search(r"the same class for (\d+) of (\d+) pictures", said).groups())
        self.assertEqual(measured, PICTURES // 2)
        self.assertGreaterEqual(same, measured - 1)
        self.assertIn("octet-20", calibration.read_text(encoding="utf-8"))

        self.assertIn("the same outputs", run(folder / "many_contexts" / "many_contexts", "octet-20", 4, 40))
        said = run(folder / "batching_queue" / "batching_queue", "octet-20", 8, 5)
        requests, batches = map(int, re.search(r"(\d+) requests in (\d+) batches", said).groups())
        self.assertEqual(requests, 40)
        self.assertLess(batches, requests)

    def check_with_cmake(self, shared):
        build = self.folder / ("build-shared" if shared else "build-static")
        self.configure(EXAMPLES, build, f"-DBUILD_SHARED_LIBS={'ON' if shared else 'OFF'}", "-DCMAKE_BUILD_TYPE=Debug")
        run(options.cmake, "--build", build)
        needed = run("readelf", "--dynamic", build / "many_contexts" / "many_contexts")
        self.assertEqual("liboctet.so" in needed, shared)
        self.check_examples(build)

    def test_examples_run_with_the_shared_library_found_by_cmake(self):
        self.check_with_cmake(shared=True)

    def test_examples_run_with_the_static_library_found_by_cmake(self):
        self.check_with_cmake(shared=False)

    def test_a_program_runs_with_what_pkg_config_says(self):
        environment = dict(os.environ, PKG_CONFIG_PATH=str(self.library_folder / "pkgconfig"))

        def ask(*arguments):
            return run("pkg-config", *arguments, "octet", env=environment).split()

        self.assertEqual(ask("--modversion"), [options.version])
        source = EXAMPLES / "many_contexts" / "many_contexts.cc"
        compile_source = [options.compiler, "-std=c++20", "-pthread", source, *ask("--cflags")]
        shared, static = self.folder / "pkg-config-shared", self.folder / "pkg-config-static"
        run(*compile_source, "-o", shared, *ask("--libs"), f"-Wl,-rpath,{self.library_folder}")
        # -static would want all of the system's libraries static too; so the archive is named instead.
        libraries = [word.replace("-loctet", "-l:liboctet.a") for word in ask("--static", "--libs")]
        run(*compile_source, "-o", static, *libraries)
        for program in (shared, static):
            self.assertIn("the same outputs", run(program, "octet-20", 2, 4))

    def test_each_header_stands_on_its_own_and_is_free_of_warnings(self):
        """For programs that have stricter flags than ours."""
        headers = sorted((self.prefix / "include" / "octet").glob("*.h"))
        self.assertGreater(len(headers), 10)
        for header in headers:
            source = self.folder / f"only_{header.stem}.cc"
            source.write_text(f"#include <octet/{header.name}>\n#include <octet/{header.name}>\n", encoding="utf-8")
            said = run(options.compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wold-style-cast",
                       f"-I{self.prefix / 'include'}", source)
            self.assertEqual(said, "")
        with self.assertRaisesRegex(AssertionError, "need C\\+\\+20"):
            run(options.compiler, "-std=c++17", "-fsyntax-only", f"-I{self.prefix / 'include'}", self.folder / "only_octet.cc")

    def test_a_shared_library_with_the_static_one_inside_exports_only_its_own(self):
        source = self.folder / "plugin"
        source.mkdir()
        (source / "plugin.cc").write_text("#include <octet/octet.h>\n"
                                          "extern \"C\" int plugin_threads() { return octet::describe_machine().default_threads; }\n", encoding="utf-8")
        (source / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(plugin LANGUAGES CXX)\nfind_package(octet REQUIRED COMPONENTS static)\n"
            "add_library(plugin SHARED plugin.cc)\ntarget_link_libraries(plugin PRIVATE octet::octet)\n", encoding="utf-8")
        build = self.folder / "build-plugin"
        self.configure(source, build)
        run(options.cmake, "--build", build)
        exported = run("nm", "--dynamic", "--defined-only", "--demangle", build / "libplugin.so")
        self.assertIn("plugin_threads", exported)
        self.assertNotIn("octet::Engine", exported)
        self.assertNotIn("octet::describe_machine", exported)

    def test_as_a_part_of_another_project_it_is_the_library_alone(self):
        """Configured only: to compile the engine again would show nothing else."""
        source, build = self.folder / "whole", self.folder / "build-whole"
        source.mkdir()
        (source / "main.cc").write_text("#include <octet/octet.h>\nint main() { return octet::kVersion[0] == 0; }\n", encoding="utf-8")
        (source / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(whole LANGUAGES CXX)\n"
            f"add_subdirectory({ROOT} octet EXCLUDE_FROM_ALL)\n"
            "add_executable(whole main.cc)\ntarget_link_libraries(whole PRIVATE octet::octet)\n", encoding="utf-8")
        self.configure(source, build)
        targets = run(options.cmake, "--build", build, "--target", "help")
        self.assertIn("octet_shared", targets)
        for target in ("giexec", "api_test", "conv_f32_bench"):
            self.assertNotIn(target, targets)
        with self.assertRaisesRegex(AssertionError, "cannot be compiled with -ffast-math"):
            self.configure(source, build, "-DCMAKE_CXX_FLAGS=-O2 -ffast-math")

    def test_another_minor_version_or_an_unknown_component_is_refused(self):
        major, minor, _ = options.version.split(".")
        for asked, expected in ((f"{major}.{int(minor) + 1}", "compatible with requested version"), ("COMPONENTS dynamic", "'dynamic' was asked for")):
            source = self.folder / "refused"
            source.mkdir(exist_ok=True)
            (source / "CMakeLists.txt").write_text(
                "cmake_minimum_required(VERSION 3.25)\nproject(refused LANGUAGES CXX)\n"
                f"find_package(octet {asked} REQUIRED)\n", encoding="utf-8")
            with self.assertRaises(AssertionError) as refused:
                self.configure(source, self.folder / "build-refused")
            self.assertIn(expected, " ".join(str(refused.exception).split()))  # CMake breaks lines

    def test_only_the_public_interface_is_exported(self):
        """What include/octet/ declares: nothing internal, and nothing of the libraries that are compiled into ours."""
        library = self.library_folder / "liboctet.so"
        node = "OCTET_" + ".".join(options.version.split(".")[:2])
        public = " ".join(h.read_text(encoding="utf-8") for h in (self.prefix / "include" / "octet").glob("*.h"))
        exported = set()
        for line in run("nm", "--dynamic", "--defined-only", "--demangle", library).splitlines():
            name = line.split(maxsplit=2)[2]
            if name == node:  # the version itself
                continue
            self.assertTrue(name.endswith(f"@@{node}"), name)
            name = re.sub(r"^(typeinfo|typeinfo name|vtable) for ", "", name)
            symbol = re.match(r"octet::(\w+)(?:::~?(\w+))?", name)
            self.assertIsNotNone(symbol, f"{name} is exported, which is nothing of Octet's")
            for part in filter(None, symbol.groups()):
                self.assertRegex(public, rf"\b{part}\b", f"{name} is exported, which include/octet/ does not have")
            exported.add(symbol[1])
        for name in ("Engine", "Network", "Context", "Calibration", "Error", "calibrate", "run_reference", "export_onnx",
                     "load_mean_image", "hash_bytes", "build_info", "describe_machine", "machine_peaks", "list_passes", "to_string"):
            self.assertIn(name, exported)


def main():
    global options
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--cmake", required=True)
    parser.add_argument("--generator", required=True)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--version", required=True)
    options, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


if __name__ == "__main__":
    main()
