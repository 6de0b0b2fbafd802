// The worker process of a peer: worker.py, which is part of this program, run by a Python, and asked in lines
// of JSON.
#pragma once

#include <functional>
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
  /// `name` is for messages: "openvino (latency)". `while_waiting` is called while an answer is waited for;
  /// what it throws ends the wait. Throws what Child throws.
  Worker(const std::string& python, std::string name, std::function<void()> while_waiting = {});

  /// Throws Error(kIo), naming the peer: it died, did not answer in time, or did not answer with a JSON
  /// object; Error(kIo) with its own words if it answered with an error; what `while_waiting` throws. After
  /// all but an answer with an error it is ended, since a late answer would be taken for that to the next
  /// question.
  Json ask(const Json& command, double timeout_s);
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::function<void()> while_waiting_;
  std::string failure_;  // why it was ended
  Child child_;
};

}  // namespace octet::lab
