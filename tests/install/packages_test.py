"""Makes the Debian packages and looks into them: what they depend on, and that the programs work where they are unpacked.

  packages_test.py --build BUILD --cpack CPACK --version VERSION
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TINY_STUDY = """
name = "tiny"
[throughput]
networks = ["octet-20"]
batches = [1]
headline_batch = 1
seconds = 0.02
warmup_s = 0.02
[ladder]
networks = []
[server]
networks = []
[scaling]
networks = []
[accuracy]
drawn = 20
[calibration]
networks = []
[layers]
networks = []
[power]
idle_s = 0.1
[projection]
networks = []
"""
options = None


def run(*command):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(str(c) for c in command)}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


@unittest.skipUnless(all(map(shutil.which, ("dpkg-shlibdeps", "dpkg-architecture", "dpkg-deb", "file"))), "needs dpkg-dev and file")
class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="octet-packages-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        run(options.cpack, "--config", options.build / "CPackConfig.cmake", "-B", cls.folder / "made")
        cls.packages = {run("dpkg-deb", "--field", p, "Package").strip(): p for p in (cls.folder / "made").glob("*.deb")}
        cls.soname = "liboctet" + ".".join(options.version.split(".")[:2])

    def field(self, package, name):
        return run("dpkg-deb", "--field", self.packages[package], name).strip()

    def files(self, package):
        return run("dpkg-deb", "--contents", self.packages[package])

    def test_there_are_programs_library_and_development_files(self):
        self.assertEqual(set(self.packages), {"octet", self.soname, "liboctet-dev"})
        for package in self.packages:
            self.assertEqual(self.field(package, "Version"), options.version)
            self.assertIn(f"/usr/share/doc/{package}/copyright", self.files(package))

    def test_they_depend_on_what_they_use(self):
        for library in ("libc6", "libstdc++6", "libprotobuf", "libhwloc", "libpng16"):
            self.assertIn(library, self.field("octet", "Depends"))
        self.assertNotIn("liboctet", self.field("octet", "Depends"))  # the programs have the engine inside
        self.assertIn("libprotobuf", self.field(self.soname, "Depends"))
        self.assertIn(f"{self.soname} (= {options.version})", self.field("liboctet-dev", "Depends"))

    def test_the_library_is_where_debian_looks_for_it(self):
        """In the folder of the machine's kind, known to the linker's cache and to dpkg-shlibdeps of packages that use it."""
        folder = f"/usr/lib/{run('dpkg-architecture', '-qDEB_HOST_MULTIARCH').strip()}"
        version = ".".join(options.version.split(".")[:2])
        self.assertIn(f"{folder}/liboctet.so.{options.version}\n", self.files(self.soname))
        for name in ("liboctet.a", "pkgconfig/octet.pc", "cmake/octet/octet-config.cmake"):
            self.assertIn(f"{folder}/{name}\n", self.files("liboctet-dev"))
        control = self.folder / "control"
        run("dpkg-deb", "--control", self.packages[self.soname], control)
        self.assertEqual((control / "shlibs").read_text(encoding="utf-8").strip(), f"liboctet {version} {self.soname} (>= {options.version})")
        self.assertIn("ldconfig", (control / "postinst").read_text(encoding="utf-8"))

    def test_each_program_has_a_manual_page(self):
        contents = self.files("octet")
        programs = re.findall(r"\./usr/bin/(\w+)\n", contents)
        self.assertEqual(sorted(programs), ["giexec", "octet"])
        for program in programs:
            self.assertIn(f"/usr/share/man/man1/{program}.1.gz", contents)

    def test_a_study_can_be_made_where_the_programs_are_unpacked(self):
        """What a study needs beside the program must be inside it: configurations, the page of the report."""
        run("dpkg-deb", "--extract", self.packages["octet"], self.folder / "root")
        octet = self.folder / "root" / "usr" / "bin" / "octet"
        self.assertIn(options.version, run(octet, "--version"))
        self.assertIn("resnet-50", run(octet, "study", "--quick", "--dry-run"))
        config, bundle = self.folder / "tiny.toml", self.folder / "bundle"
        config.write_text(TINY_STUDY, encoding="utf-8")
        run(octet, "study", "--config", config, "-o", bundle)
        run(octet, "verify", bundle)
        self.assertIn("Chart.js", (bundle / "report.html").read_text(encoding="utf-8"))


def main():
    global options
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--cpack", required=True)
    parser.add_argument("--version", required=True)
    options, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


if __name__ == "__main__":
    main()
