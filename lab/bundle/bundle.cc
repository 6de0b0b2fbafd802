#include "lab/bundle/bundle.h"

#include "lab/bundle/json_text.h"
#include "lab/bundle/manifest.h"
#include "lab/bundle/record.h"
#include "lab/report/report.h"
#include "lab/support/files.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace fs = std::filesystem;

void write_bundle(const fs::path& folder, const StudyHeader& header) {
  const StudyHeader whole = with_options(header, folder);
  const Json results = derive_results(whole, load_records(folder / "records"));
  make_writable_folder(folder / "csv");
  write_file(folder / "results.json", format_json(results));
  for (const CsvTable& table : derive_csv(results)) write_file(folder / "csv" / table.name, table.text);
  write_file(folder / "report.html", render_report(results));
  // Last: until it is there, the old manifest's hashes are not those of the files.
  write_file(folder / "manifest.json", make_manifest(folder, whole, results));
}

}  // namespace octet::lab
