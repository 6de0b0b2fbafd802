// The worker process of a peer: worker.py, which is part of this program, run by a Python, and asked in lines
// of JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lab/support/child.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

/// The text of worker.py.
std::string_view worker_source();

class Worker {
 public:
  /// `name` is for messages: "openvino (latency)". Throws what Child throws.
  Worker(const std::string& python, std::string name);
  /// Another program that speaks the protocol, for tests.
  Worker(const Command& command, std::string name);

  /// Throws Error(kIo), naming the peer: it died, did not answer in time, or did not answer with a JSON
  /// object; Error(kIo) with its own words if it answered with an error. After all but the last it is ended,
  /// since a late answer would be taken for that to the next question.
  Json ask(const Json& command, double timeout_s);
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::string failure_;  // why it was ended
  Child child_;
};

}  // namespace octet::lab
