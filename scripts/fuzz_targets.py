"""Runs libFuzzer on each target for some processor time and prints what it did: executions, edges covered, corpus, findings."""

import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

BUILD = pathlib.Path("build/fuzz")
PROGRAM = BUILD / "bin/octet_fuzz"
SEEDS = BUILD / "bin/octet_fuzz_seeds"

# A case may take this much, and this long by the clock (of the processor 5 s, fuzz/main.cc); more is a finding. Under AddressSanitizer
# memory is about three times the program's own.
SECONDS_A_CASE = 120
MEGABYTES = 2048
LARGEST_INPUT = {"engine": 1 << 18, "study-records": 1 << 16, "network": 256}


def target_names():
    usage = subprocess.run([PROGRAM, "--target="], capture_output=True, text=True)
    return usage.stderr.split("names:")[1].split()


def statistics(log):
    """(executions, edges, features, corpus files) that libFuzzer said last."""
    status = re.findall(r"^#\d+.*cov: (\d+) ft: (\d+) corp: (\d+)/", log, re.MULTILINE)
    executions = re.search(r"stat::number_of_executed_units:\s+(\d+)", log)
    done = re.findall(r"^#(\d+)", log, re.MULTILINE)
    edges, features, corpus = map(int, status[-1]) if status else (0, 0, 0)
    return int(executions.group(1)) if executions else int(done[-1]) if done else 0, edges, features, corpus


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_for(command, minutes, log_file):
    """Ends the fuzzer after that much processor time, so that other work on the machine takes nothing away; its status."""
    with open(log_file, "w") as log:
        # What a target writes goes to memory.
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | {"TMPDIR": "/dev/shm"})
    told, interrupted = False, 72  # libFuzzer's status then
    while process.poll() is None:
        if not told and processor_seconds(process.pid) >= minutes * 60:
            process.send_signal(signal.SIGINT)
            told = True
        time.sleep(0.2)
    return 0 if told and process.returncode == interrupted else process.returncode


def fuzz(target, minutes):
    corpus, findings = BUILD / "corpus" / target, BUILD / "findings" / target
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    known = set(findings.iterdir())
    log_file = BUILD / f"{target}.log"
    command = [PROGRAM, f"--target={target}", f"-timeout={SECONDS_A_CASE}", f"-rss_limit_mb={MEGABYTES}",
               f"-max_len={LARGEST_INPUT.get(target, 1 << 15)}", "-print_final_stats=1",
               f"-artifact_prefix={findings}/", corpus, BUILD / "seeds" / target]
    regressions = pathlib.Path("fuzz/regressions") / target
    if regressions.is_dir():
        command.append(regressions)
    status = run_for(command, minutes, log_file)
    found = sorted(set(findings.iterdir()) - known)
    return target, status, found, statistics(log_file.read_text(errors="replace"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=1, help="of processor time, for each target")
    parser.add_argument("targets", nargs="*", help="all, if none is named")
    arguments = parser.parse_args()
    names = target_names()
    for name in arguments.targets:
        if name not in names:
            sys.exit(f"'{name}' is no target; expected {', '.join(names)}")
    chosen = arguments.targets or names
    subprocess.run([SEEDS, BUILD / "seeds"], check=True)
    failed = False
    print(f"{'target':<16}{'executions':>12}{'edges':>8}{'features':>10}{'corpus':>8}  findings", flush=True)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for target, status, found, (executions, edges, features, corpus) in pool.map(lambda t: fuzz(t, arguments.minutes), chosen):
            failed = failed or status != 0
            what = ", ".join(map(str, found)) or ("none" if status == 0 else f"ended with {status}: {BUILD}/{target}.log")
            print(f"{target:<16}{executions:>12}{edges:>8}{features:>10}{corpus:>8}  {what}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
