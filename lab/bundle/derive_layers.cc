// Where the time goes, layer by layer (lab/profile/layer_profile.h).
#include "lab/bundle/derive.h"
#include "lab/profile/layer_profile.h"
#include "lab/support/json.h"

namespace octet::lab {

Json derive_layers(const Records& records) {
  Json section = Json::array();
  for (const JsonReader& record : records.of_kind("layers")) {
    Json row = row_of(record, {"network", "precision"});
    if (measured(record))
      extend(row, within(record, [](const Json& json) {
               return to_json(derive_layer_profile(layer_record_from(json)));
             }));
    section.push_back(std::move(row));
  }
  return section;
}

}  // namespace octet::lab
