#include "discovery/handshake.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "discovery/bounds.hpp"
#include "discovery/peer_exchange.hpp"

namespace dynavg::discovery {

using protocol::FieldDifference;
using protocol::NetworkFields;

namespace {

constexpr std::string_view kAveraging = "averaging.";
constexpr std::size_t kValueBytesShown = 120;

bool is_averaging(const std::string& field) {
    return field.starts_with(kAveraging);
}

bool has_averaging(const NetworkFields& fields) {
    const auto first = fields.lower_bound(std::string(kAveraging));
    return first != fields.end() && is_averaging(first->first);
}

std::string value_of(const NetworkFields& fields, const std::string& field) {
    const auto found = fields.find(field);
    return found == fields.end() ? kNoField : found->second;
}

/// Texts of peers go to logs: no control characters, no floods.
std::string printable(const std::string& text, std::size_t bytes_max) {
    std::string result = text.substr(0, bytes_max);
    for (char& c : result) {
        if (c < ' ' || c > '~') c = '?';
    }
    return text.size() > bytes_max ? result + "..." : result;
}

bool endpoints_usable(const protocol::Endpoints& endpoints) {
    return is_address(endpoints.direct) && is_address(endpoints.gossip) &&
           is_address(endpoints.bulk);
}

}  // namespace

std::vector<FieldDifference> compare(const NetworkFields& ours, const NetworkFields& theirs) {
    const bool compare_averaging = has_averaging(ours) && has_averaging(theirs);
    NetworkFields all = ours;
    all.insert(theirs.begin(), theirs.end());
    std::vector<FieldDifference> differences;
    for (const auto& [field, value] : all) {
        if (is_averaging(field) && !compare_averaging) continue;
        const bool here = ours.contains(field);
        const bool there = theirs.contains(field);
        // A missing field differs even from one whose text is "(none)".
        if (here && there && ours.at(field) == theirs.at(field)) continue;
        differences.push_back({field, value_of(theirs, field), value_of(ours, field)});
    }
    return differences;
}

NetworkFields averaging_fields(const NetworkFields& fields) {
    NetworkFields result = fields;
    std::erase_if(result, [](const auto& field) { return !is_averaging(field.first); });
    return result;
}

std::vector<FieldDifference> compare(const protocol::Hello& ours, const protocol::Hello& theirs) {
    std::vector<FieldDifference> differences = compare(ours.fields, theirs.fields);
    const auto add = [&](const char* field, std::string their_value, std::string our_value) {
        differences.push_back({field, std::move(their_value), std::move(our_value)});
    };
    if (!has_averaging(ours.fields) && !has_averaging(theirs.fields)) {
        add("averaging", kNoField, kNoField);
    }
    if (!endpoints_usable(theirs.endpoints)) {
        add("node.advertise",
            fmt::format("{} {} {}", theirs.endpoints.direct, theirs.endpoints.gossip,
                        theirs.endpoints.bulk),
            "host:port expected");
    }
    if (theirs.version_min > ours.version_max || ours.version_min > theirs.version_max) {
        add("protocol.version", fmt::format("{} to {}", theirs.version_min, theirs.version_max),
            fmt::format("{} to {}", ours.version_min, ours.version_max));
    }
    std::sort(differences.begin(), differences.end(),
              [](const auto& a, const auto& b) { return a.field < b.field; });
    if (differences.size() > protocol::limits::kNetworkFieldsMax) {
        differences.resize(protocol::limits::kNetworkFieldsMax);
    }
    return differences;
}

void cut_to_limits(std::vector<FieldDifference>& differences) {
    for (FieldDifference& difference : differences) {
        for (std::string* text : {&difference.field, &difference.theirs, &difference.ours}) {
            if (text->size() <= protocol::limits::kTextBytesMax) continue;
            std::size_t size = protocol::limits::kTextBytesMax;
            // Half a character is no text, and the message with it would be refused.
            while (size > 0 && (static_cast<unsigned char>((*text)[size]) & 0xC0U) == 0x80U) --size;
            text->resize(size);
        }
    }
}

std::vector<FieldDifference> swap_sides(std::vector<FieldDifference> differences) {
    for (FieldDifference& difference : differences) std::swap(difference.theirs, difference.ours);
    return differences;
}

std::vector<std::string> describe(const std::vector<FieldDifference>& differences) {
    std::vector<std::string> texts;
    texts.reserve(differences.size());
    for (const FieldDifference& difference : differences) {
        texts.push_back(fmt::format("{}: theirs {}, ours {}",
                                    printable(difference.field, kValueBytesShown),
                                    printable(difference.theirs, kValueBytesShown),
                                    printable(difference.ours, kValueBytesShown)));
    }
    return texts;
}

std::string display_name(const std::string& name, protocol::PeerId id) {
    return fmt::format("{} ({})", printable(name, kNameBytesShown), id.fingerprint());
}

}  // namespace dynavg::discovery
