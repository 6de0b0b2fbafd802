"""Where the tools are: what scripts/setup-cuda installs, then the toolkit of nvcc."""
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PACKAGES = ".venv-cuda/lib/python3*/site-packages/nvidia"


def nvcc():
    found = os.environ.get("OCTET_NVCC") or shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")
    return pathlib.Path(found) if found else None


def first(*candidates):
    return next((path for path in candidates if path.exists()), None)


def nvdisasm():
    beside = [nvcc().resolve().parent / "nvdisasm"] if nvcc() else []
    return first(*sorted(ROOT.glob(f"{PACKAGES}/cu*/bin/nvdisasm")), *beside)


def nvrtc():
    """A run-time compiler, best of CUDA 12."""
    toolkit = nvcc().resolve().parent.parent if nvcc() else ROOT / "none"
    return first(*sorted(ROOT.glob(f"{PACKAGES}/cuda_nvrtc/lib/libnvrtc.so.12")),
                 *sorted(toolkit.glob("lib*/libnvrtc.so.1[23]")), *sorted(toolkit.glob("targets/*/lib/libnvrtc.so.1[23]")))


def disassemble(tool, file):
    """nvdisasm's listing and "", or None and why not: new ones do not read old architectures."""
    run = subprocess.run([tool, "-c", file], capture_output=True, text=True)
    return (run.stdout, "") if run.returncode == 0 else (None, run.stderr.strip())
