// "Did you mean ...?": the word of a list that somebody who misspelt one most likely meant.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace octet::lab {

/// How many single letters must be inserted, deleted, replaced or swapped with their neighbour to make `a` of
/// `b` (optimal string alignment). Upper and lower case are the same letter, and so are '-' and '_'.
int edit_distance(std::string_view a, std::string_view b);

/// The nearest of `known` (the first of several) if it is near enough to be what was meant: at most a third
/// of the word's letters differ, or one stands for the other's beginning ("thread" for "threads_per_rank").
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> known);

/// For the end of a message: ", did you mean 'batches'?" or else ", expected one of: batches, networks".
std::string did_you_mean(std::string_view word, std::span<const std::string> known);

}  // namespace octet::lab
