// A long evaluation's predictions so far, in a file, so that an interrupted one goes on where it was. The
// file is bound to what was measured: it never mixes the predictions of two networks, protocols or data sets.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lab/accuracy/accuracy.h"

namespace octet::lab {

/// What the predictions belong to.
struct EvaluationIdentity {
  std::string network_hash;
  std::string preprocessing_hash;
  std::string data_hash;             ///< listing_hash
  std::vector<std::string> engines;  ///< one a runner: precision, instruction set, calibration's hash
};

/// 16 hex digits over the pictures' names (below their common folder), sizes and labels, in order. Contents
/// are not read, which a set of 50,000 would take minutes for.
std::string listing_hash(const Dataset& dataset);

/// Predictions, broken pictures and how far it came, as text, for another process. Throws Error(kParse).
std::string evaluation_text(const Evaluation& evaluation);
Evaluation evaluation_from(const std::string& text);

/// Written whole, under a temporary name first. Throws Error(kIo).
void save_checkpoint(const std::filesystem::path& file, const EvaluationIdentity& identity,
                     const Evaluation& evaluation);

/// Nothing if there is no such file. Throws Error: kIo, kParse (not such a file, cut off or edited),
/// kMismatch (another network, protocol, data set or other engines; says which).
std::optional<Evaluation> load_checkpoint(const std::filesystem::path& file,
                                          const EvaluationIdentity& identity);

}  // namespace octet::lab
