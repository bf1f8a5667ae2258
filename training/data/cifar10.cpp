#include "training/data/cifar10.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "training/data/packed_file.hpp"
#include "training/data/source.hpp"

namespace dynavg::training {

namespace {

constexpr std::size_t kClasses = 10;
constexpr std::size_t kRecordBytes = 1 + kCifar10Shape.pixels();
constexpr std::size_t kRecordsPerRead = 256;
constexpr const char* kTrainPrefix = "data_batch_";
constexpr const char* kTestName = "test_batch.bin";

/// Adds the records of one file.
[[nodiscard]] Expected<void, Error> read_batch(const std::filesystem::path& path, Dataset& into) {
    auto file = PackedFile::open(path, "a CIFAR-10 batch");
    if (!file) return Unexpected<Error>(file.error());
    for (std::size_t first = 0;; first += kRecordsPerRead) {
        const auto bytes = file->read_up_to(kRecordsPerRead * kRecordBytes);
        if (!bytes) return Unexpected<Error>(bytes.error());
        const std::size_t records = bytes->size() / kRecordBytes;
        if (into.size() + records > kCifar10SamplesMax) {
            return fail(
                fmt::format("{}: with it the set has more than the {} images that are "
                            "possible; take batches away",
                            file->name(), kCifar10SamplesMax));
        }
        for (std::size_t i = 0; i < records; ++i) {
            const auto record = std::span(*bytes).subspan(i * kRecordBytes, kRecordBytes);
            if (record[0] >= kClasses) {
                return fail(fmt::format("{}: label {} is {}, labels are 0 to {}; {}", file->name(),
                                        first + i, record[0], kClasses - 1, kFetchAgain));
            }
            into.labels.push_back(record[0]);
            into.images.insert(into.images.end(), record.begin() + 1, record.end());
        }
        if (const std::size_t rest = bytes->size() % kRecordBytes; rest != 0) {
            return fail(fmt::format("{}: ends after {} of the {} bytes of image {}; {}",
                                    file->name(), rest, kRecordBytes, first + records,
                                    kFetchAgain));
        }
        if (first + records == 0) {
            return fail(fmt::format("{}: holds no images; {}", file->name(), kFetchAgain));
        }
        if (records < kRecordsPerRead) return {};
    }
}

bool is_training_batch(const std::string& name) {
    return name.starts_with(kTrainPrefix) && name.ends_with(".bin");
}

/// The training batches by their names without ".gz", so that none counts twice; 2 before 10.
[[nodiscard]] std::vector<std::string> training_batches(const std::filesystem::path& directory) {
    std::set<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        std::string name = entry->path().filename().string();
        if (name.ends_with(".gz")) name.resize(name.size() - 3);
        if (is_training_batch(name)) names.insert(std::move(name));
    }
    std::vector<std::string> sorted(names.begin(), names.end());
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.size() < b.size(); });
    return sorted;
}

}  // namespace

Expected<std::shared_ptr<const Dataset>, Error> read_cifar10_directory(
    const std::filesystem::path& directory, DataPart part) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(directory, ignored)) {
        return fail(
            fmt::format("{}: is not a directory; set `path` to the directory that holds "
                        "data_batch_1.bin[.gz] and its companions",
                        directory.string()));
    }
    std::vector<std::string> names{kTestName};
    if (part == DataPart::train) names = training_batches(directory);
    if (names.empty()) {
        return fail(
            fmt::format("{}: holds no data_batch_*.bin[.gz] that can be read; set `path` "
                        "to the directory of CIFAR-10's binary version",
                        directory.string()));
    }
    auto dataset = std::make_shared<Dataset>();
    dataset->name = directory.string();
    dataset->shape = kCifar10Shape;
    dataset->classes = kClasses;
    for (const std::string& name : names) {
        auto done = read_batch(plain_or_packed(directory, name), *dataset);
        if (!done) return Unexpected<Error>(done.error());
    }
    return dataset;
}

extern constinit const Source kCifar10Source{.name = "cifar10",
                                             .keys = {.path = true},
                                             .shape = kCifar10Shape,
                                             .load = [](const SourceRequest& request) {
                                                 return read_cifar10_directory(request.path,
                                                                               request.part);
                                             }};

}  // namespace dynavg::training
