// Lists of labels and classes, in all their forms.
#include <string>

#include "fuzz/accepts.h"
#include "fuzz/memory_file.h"
#include "fuzz/targets/targets.h"
#include "lab/data/dataset.h"
#include "lab/data/label_files.h"

namespace octet::fuzz {

bool read_labels(Input input) {
  const MemoryFile file(input);
  bool accepted = accepts([&] { lab::detect_label_format(file.path()); });
  accepts([&] { lab::load_class_names(file.path()); });
  accepts([&] { lab::read_caffe_list(file.path()); });
  accepts([&] { lab::read_devkit_numbers(file.path()); });
  accepts([&] { lab::read_devkit_map(file.path()); });
  accepts([&] { lab::read_synset_indices(file.path()); });
  return accepted;
}

Seeds label_seeds() {
  return {{"val.txt", "a/ILSVRC2012_val_00000001.JPEG 65\nb.png 970\nc d.jpg 0\n"},
          {"synsets.txt", "n01440764 tench, Tinca tinca\nn01443537 goldfish\nn01484850_great_white_shark\n"},
          {"ground_truth.txt", "490\n361\n171\n1\n"},
          {"map_clsloc.txt", "n02119789 1 kit_fox\nn02100735 2 English_setter\n"}};
}

}  // namespace octet::fuzz
