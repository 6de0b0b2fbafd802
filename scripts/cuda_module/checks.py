"""What must hold of one architecture's module: pure functions, each a list of findings."""
import re

import functions

MOST_REGISTERS = 65536  # of a multiprocessor; a block that needs more cannot start


def check_functions(listed, cubin):
    """Exactly the functions that the architecture has."""
    wanted = {f.name for f in listed if f.least_sm <= cubin.sm}
    for name in sorted(wanted - cubin.functions.keys()):
        yield f"sm_{cubin.sm}: {name} is not in the module"
    for name in sorted(cubin.functions.keys() - wanted):
        yield f"sm_{cubin.sm}: {name} is in the module, but functions.inc has it for later devices or not at all"


def check_resources(listed, cubin):
    """Nothing in local memory, and a block fits."""
    for function in listed:
        taken = cubin.functions.get(function.name)
        if taken is None:
            continue
        if taken.registers == 0:
            yield f"sm_{cubin.sm}: the cubin does not say how many registers {function.name} takes"
        if taken.stack != 0:
            yield f"sm_{cubin.sm}: {function.name} spills: {taken.stack} bytes of local memory a thread"
        if taken.registers * function.threads > MOST_REGISTERS:
            yield (f"sm_{cubin.sm}: {function.name} takes {taken.registers} registers in each of {function.threads} threads, "
                   f"more than there are ({MOST_REGISTERS})")


def machine_code(listing):
    """{function: its lines} of nvdisasm's output."""
    return split(listing, re.compile(r"^\.text\.(\w+):", re.MULTILINE))


def intermediate_code(listing):
    """The same of PTX."""
    return split(listing, re.compile(r"^\s*(?:\.visible\s+)?\.entry\s+(\w+)", re.MULTILINE))


def split(listing, start):
    found = list(start.finditer(listing))
    ends = [match.start() for match in found[1:]] + [len(listing)]
    return {match.group(1): listing[match.end():end].splitlines() for match, end in zip(found, ends)}


def check_instructions(listed, sm, code, form):
    """The instructions that names promise. `code` is of machine_code (form 0) or intermediate_code (form 1)."""
    for function in listed:
        if function.least_sm > sm:
            continue
        for promise in functions.promises_of(function):
            wanted = promise.of(sm)[form]
            lines = [line for line in code.get(function.name, []) if re.search(promise.kind[form], line)]
            others = [line for line in lines if not re.search(wanted, line)]
            if not lines:
                yield f"sm_{sm}: {function.name} has no {promise.word} (expected {wanted})"
            elif others:
                yield f"sm_{sm}: {function.name} has another {promise.word} than {wanted}: {' '.join(others[0].split())}"
