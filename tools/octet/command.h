// The subcommands. Each file adds its own to the program and, when the user chose it, leaves what is to be
// run.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace octet::tools {

/// Returns the exit code.
using Run = std::function<int()>;

void add_accuracy(CLI::App& program, Run& selected);
void add_bench(CLI::App& program, Run& selected);
void add_build(CLI::App& program, Run& selected);
void add_calibrate(CLI::App& program, Run& selected);
void add_check(CLI::App& program, Run& selected);
void add_classify(CLI::App& program, Run& selected);
void add_compare(CLI::App& program, Run& selected);
void add_devices(CLI::App& program, Run& selected);
void add_draw(CLI::App& program, Run& selected);
void add_export(CLI::App& program, Run& selected);
void add_inspect(CLI::App& program, Run& selected);
void add_power(CLI::App& program, Run& selected);
void add_profile(CLI::App& program, Run& selected);
void add_project(CLI::App& program, Run& selected);
void add_replay(CLI::App& program, Run& selected);
void add_run(CLI::App& program, Run& selected);
void add_scale(CLI::App& program, Run& selected);
void add_study(CLI::App& program, Run& selected);
void add_sweep(CLI::App& program, Run& selected);
void add_tune(CLI::App& program, Run& selected);
void add_verify(CLI::App& program, Run& selected);
void add_worker(CLI::App& program, Run& selected);

}  // namespace octet::tools
