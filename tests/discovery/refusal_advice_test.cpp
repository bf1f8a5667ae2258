#include "discovery/refusal_advice.hpp"

#include "tests/catch.hpp"
#include "tests/discovery/virtual_network.hpp"

using namespace dynavg::discovery;
using namespace dynavg::discovery::test;
using Catch::Matchers::Contains;
using dynavg::protocol::FieldDifference;

namespace {

std::string advice(const std::vector<std::string>& fields, RefusedBy side = RefusedBy::us) {
    std::vector<FieldDifference> differences;
    for (const std::string& field : fields) differences.push_back({field, "theirs", "ours"});
    return refusal_advice(differences, side, id_of(0), id_of(1));
}

}  // namespace

TEST_CASE("each cause of a refusal has advice of its own", "[refusal_advice]") {
    CHECK_THAT(advice({kVersionField}), Contains("Update the older"));
    CHECK_THAT(advice({kNameField}), Contains("another [node] name"));
    CHECK_THAT(advice({kKeyField}), Contains("remove identity.key"));
    CHECK_THAT(advice({kLifeField}), Contains("clock there"));
    CHECK_THAT(advice({kLifeField}, RefusedBy::them), Contains("clock here"));
    CHECK_THAT(advice({kRoomField}), Contains("256 peers"));
    CHECK_THAT(advice({kAdvertiseField}), Contains("[node] advertise there"));
    CHECK_THAT(advice({kAdvertiseField}, RefusedBy::them), Contains("[node] advertise here"));
    CHECK_THAT(advice({"network"}), Contains("the same [node] network"));
    CHECK_THAT(advice({"averaging"}), Contains("Write [averaging]"));
    CHECK_THAT(advice({"averaging.threshold"}), Contains("the same settings"));
    CHECK_THAT(advice({"model", "model.schema"}), Contains("the same settings"));
    CHECK_THAT(advice({"model.schema"}), Contains("one version of dynavg"));
    for (const char* field : {kVersionField, kNameField, kKeyField, kLifeField, kRoomField,
                              kAdvertiseField, kTrustField, "network"}) {
        CAPTURE(field);
        CHECK_THAT(advice({field}), !Contains("the same settings"));
    }
}

TEST_CASE("the key to trust is named, on the side where the command helps", "[refusal_advice]") {
    CHECK_THAT(advice({kTrustField}), Contains("`dynavg trust " + id_of(1).hex() + "` here"));
    CHECK_THAT(advice({kTrustField}, RefusedBy::them),
               Contains("`dynavg trust " + id_of(0).hex() + "` there"));
}

TEST_CASE("several causes have one sentence each, and none twice", "[refusal_advice]") {
    const std::string both = advice({"averaging.monitor", "averaging.threshold", kVersionField});
    CHECK(both == advice({"averaging.monitor"}) + ". " + advice({kVersionField}));
}
