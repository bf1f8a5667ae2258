#include "discovery/refusal_advice.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "protocol/base/limits.hpp"

namespace dynavg::discovery {

namespace {

constexpr const char* kSameSettings = "Give both nodes the same settings, or another network name";
/// Every peer computes these fields from its own [model], without LibTorch: docs/architecture.md.
constexpr const char* kSameModel =
    "Give both nodes the same [model], and images of one size; if they have that, their versions "
    "of dynavg make another model of it: install one version of dynavg on both. Their versions of "
    "LibTorch may differ";

std::string advice_for(const std::string& field, RefusedBy side, protocol::PeerId own,
                       protocol::PeerId other) {
    const bool ours = side == RefusedBy::us;
    if (field == kVersionField) return "Update the older of the two nodes";
    if (field == kTrustField) {
        return ours ? fmt::format("If it is a node of this network: `dynavg trust {}` here",
                                  other.hex())
                    : fmt::format("If this node belongs to that network: `dynavg trust {}` there",
                                  own.hex());
    }
    if (field == kNameField) return duplicate_advice(false);
    if (field == kKeyField) return duplicate_advice(true);
    if (field == kLifeField) {
        return fmt::format(
            "An earlier start of that node had a clock that was ahead: set the clock {} "
            "(timedatectl "
            "set-ntp true), keep the state_dir over restarts, and start the node again",
            ours ? "there" : "here");
    }
    if (field == kRoomField) {
        return fmt::format("A node knows at most {} peers: stop one that is not needed",
                           protocol::limits::kPeersMax);
    }
    if (field == kAdvertiseField) {
        return fmt::format("Set [node] advertise {} to the HOST:PORT that others dial",
                           ours ? "there" : "here");
    }
    if (field == "network") {
        return "If both belong to one network, give them the same [node] network; else take that "
               "address out of [node] peers";
    }
    if (field == "averaging") return "Write [averaging] into the configuration of one of the two";
    return kSameSettings;
}

bool is_of_model(const protocol::FieldDifference& difference) {
    return difference.field.starts_with("model.");
}

}  // namespace

std::string duplicate_advice(bool with_keys) {
    return with_keys
               ? "Two nodes run with one key, most often since a state_dir was copied: stop one of "
                 "them, remove identity.key from its state_dir, and let it join as a node of its "
                 "own"
               : "Two nodes run with one name: give one of them another [node] name, and a "
                 "state_dir of its own";
}

std::string refusal_advice(const std::vector<protocol::FieldDifference>& differences,
                           RefusedBy side, protocol::PeerId own, protocol::PeerId other) {
    if (!differences.empty() && std::all_of(differences.begin(), differences.end(), is_of_model)) {
        return kSameModel;
    }
    std::vector<std::string> sentences;
    for (const protocol::FieldDifference& difference : differences) {
        std::string sentence = advice_for(difference.field, side, own, other);
        if (std::find(sentences.begin(), sentences.end(), sentence) == sentences.end()) {
            sentences.push_back(std::move(sentence));
        }
    }
    return fmt::format("{}", fmt::join(sentences, ". "));
}

}  // namespace dynavg::discovery
