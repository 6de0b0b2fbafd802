// Scripts in a mount namespace of their own, where a user may mount disks: full ones, read-only ones.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/cli/program.h"

namespace octet::test {

/// Whether a user may have such namespaces here.
inline bool has_mount_namespaces() { return Program("/usr/bin/unshare")({"-rm", "true"}).exit_code == 0; }

/// `arguments`: the script's, from $1 on.
inline Finished in_mount_namespace(const std::string& script, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {"-rm", "--propagation", "private", "/bin/sh", "-c", script, "sh"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return Program("/usr/bin/unshare")(std::move(words));
}

}  // namespace octet::test
