// One line on stderr that says how far long work has come and how long it will take; nothing where stderr is
// not a terminal, so that logs and pipes stay clean.
#pragma once

#include <chrono>
#include <string>

namespace octet::tools {

class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();  // clears the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` in 0..1. Redraws at most ten times a second.
  void update(double done, const std::string& detail = "");
  void clear();

 private:
  std::string what_;
  bool enabled_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point last_drawn_;
};

}  // namespace octet::tools
