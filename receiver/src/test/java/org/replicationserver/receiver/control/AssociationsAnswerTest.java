package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.control.AssociationsAnswer.Malformed;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.DesiredState;

final class AssociationsAnswerTest {
    private static final String RECORD = """
            {"generation": "7", "writtenGeneration": "6", "committedEpoch": "9223372036854775807", "previousEpoch": "0",
             "committedFuzzy": true, "markDateTime": "2026-11-25T07:59:30Z", "firstByteDateTime": "2026-11-24T20:11:03.123456789Z",
             "volumes": [{"volumeId": "vol-1", "dataGen": "5d41402abc4b2a76b9719d911017c592"}]}""";

    /** An association whose volume and pin are its own. */
    static JsonObject association(String id, String volumeId, char pin) {
        return new JsonObject()
                .put("sourceServerId", id)
                .put(
                        "agentPins",
                        new JsonArray().add("sha256:" + String.valueOf(pin).repeat(64)))
                .put("desiredState", "STARTED")
                .put(
                        "disks",
                        new JsonArray()
                                .add(new JsonObject()
                                        .put("deviceName", "/dev/sda")
                                        .put("sizeBytes", 1L << 30)
                                        .put("volumeId", volumeId)
                                        .put("fresh", true)));
    }

    private static AssociationsAnswer read(JsonObject... associations) throws MalformedException {
        return AssociationsAnswer.read(answer(associations));
    }

    private static JsonObject answer(JsonObject... associations) {
        return new JsonObject().put("associations", new JsonArray(List.of(associations)));
    }

    private static List<String> idsOf(Associations associations) {
        return associations.associations().stream()
                .map(Association::sourceServerId)
                .toList();
    }

    @Test
    void everyMemberArrives() throws Exception {
        JsonObject json = association("s-1", "vol-1", 'a')
                .put("desiredState", "PAUSED")
                .put("bandwidth", new JsonObject().put("bandwidthThrottling", 5))
                .put("record", new JsonObject(RECORD))
                .put("unknown", new JsonObject().put("deep", new JsonArray().add(1)));
        json.getJsonArray("disks").getJsonObject(0).put("path", "vol-1.img").put("unknown", true);
        AssociationsAnswer answer =
                AssociationsAnswer.read(answer(json).put("bandwidth", new JsonObject().put("bandwidthThrottling", 6)));

        assertThat(answer.malformed()).isEmpty();
        assertThat(answer.associations())
                .isEqualTo(new Associations(
                        List.of(new Association(
                                "s-1",
                                List.of(Pin.parse("sha256:" + "a".repeat(64))),
                                DesiredState.PAUSED,
                                new BandwidthSchedule(5, ZoneOffset.UTC, List.of()),
                                List.of(new AssignedDisk("/dev/sda", 1L << 30, "vol-1", "vol-1.img", true)),
                                new ReplicationRecord(
                                        7,
                                        6,
                                        Long.MAX_VALUE,
                                        0,
                                        true,
                                        Instant.parse("2026-11-25T07:59:30Z"),
                                        Instant.parse("2026-11-24T20:11:03.123456789Z"),
                                        Map.of("vol-1", "5d41402abc4b2a76b9719d911017c592")))),
                        new BandwidthSchedule(6, ZoneOffset.UTC, List.of())));
        assertThat(AssociationsAnswer.read(answer.associations().toJson())).isEqualTo(answer);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "agentPins | [] | agentPins=(a list of 0); allowed: a list of 1 to 4 elements",
                "agentPins | ['sha256:0'] | agentPins[0]=sha256:0; allowed: sha256:<64 lowercase hexadecimal digits>",
                "desiredState | 'RUNNING' | desiredState=RUNNING; allowed: of [STARTED, PAUSED, STOPPED]",
                "desiredState | null | desiredState is missing; allowed: of [STARTED, PAUSED, STOPPED]",
                "disks | [{}] | disks[0].sizeBytes is missing; allowed: an integer from 1048576 to 70368744177664",
                "disks | [{'sizeBytes':1048577}] | disks[0].sizeBytes=1048577; allowed: a multiple of 512",
                "disks | [{'sizeBytes':1048064}] | disks[0].sizeBytes=1048064; allowed: an integer from 1048576 to 70368744177664",
                "bandwidth | 5 | bandwidth=5; allowed: an object",
                "record | {'volumes':[{'volumeId':'v','dataGen':'x'}]} | record.volumes[0].dataGen=x; allowed: 32 lowercase hexadecimal digits",
                "record | {'volumes':[],'generation':7} | record.generation=7; allowed: a string of decimal digits below 2^63, without leading zeros",
                "record | {'volumes':[],'generation':'9223372036854775808'} | record.generation=9223372036854775808; allowed: a string of decimal digits below 2^63, without leading zeros"
            })
    void mistakeIsNamedAndCostsOnlyItsAssociation(String member, String value, String sentence) throws Exception {
        Object json = new JsonObject("{\"v\":" + value.replace('\'', '"') + "}").getValue("v");
        AssociationsAnswer answer = read(
                association("s-1", "vol-1", 'a'),
                association("s-2", "vol-2", 'b').put(member, json),
                association("s-3", "vol-3", 'c'));
        assertThat(idsOf(answer.associations())).containsExactly("s-1", "s-3");
        assertThat(answer.malformed()).containsExactly(new Malformed("s-2", "associations[1]: " + sentence));
    }

    @Test
    void whatIsNoAssociationAtAllHasNoId() throws Exception {
        AssociationsAnswer answer = AssociationsAnswer.read(
                new JsonObject().put("associations", new JsonArray().add(7).add(association("s 1", "vol-1", 'a'))));
        assertThat(answer.malformed()).extracting(Malformed::sourceServerId).containsOnlyNulls();
        assertThat(answer.malformed())
                .extracting(Malformed::mistake)
                .containsExactly(
                        "associations[0]: no object",
                        "associations[1]: sourceServerId=s 1; allowed: 1 to 128 of A-Z a-z 0-9 . _ -");
    }

    @Test
    void whatBelongsToOneIsNotGivenToAnother() throws Exception {
        AssociationsAnswer answer = read(
                association("s-1", "vol-1", 'a'),
                association("s-1", "vol-2", 'b'),
                association("s-2", "vol-1", 'b'),
                association("s-3", "vol-3", 'a'));
        assertThat(idsOf(answer.associations())).containsExactly("s-1");
        assertThat(answer.malformed())
                .extracting(Malformed::mistake)
                .containsExactly(
                        "associations[1]: source server s-1 is there twice",
                        "associations[2]: volume vol-1 belongs to source server s-1",
                        "associations[3]: pin sha256:" + "a".repeat(64) + " belongs to source server s-1");
    }

    @Test
    void volumeAndDeviceAreThereOnceInAnAssociation() throws Exception {
        JsonObject twice = association("s-1", "vol-1", 'a');
        twice.getJsonArray("disks")
                .add(twice.getJsonArray("disks").getJsonObject(0).copy().put("volumeId", "vol-2"));
        assertThat(read(twice).malformed().getFirst().mistake()).contains("/dev/sda is there twice");
        twice.getJsonArray("disks").getJsonObject(1).put("volumeId", "vol-1").put("deviceName", "/dev/sdb");
        assertThat(read(twice).malformed().getFirst().mistake()).contains("vol-1 is there twice");
    }

    @Test
    void moreSourceServersThanOneServerServesAreRefusedOneByOne() throws Exception {
        JsonObject[] many = new JsonObject[66];
        for (int i = 0; i < many.length; i++) {
            many[i] = association("s-" + i, "vol-" + i, 'a')
                    .put("agentPins", new JsonArray().add(String.format("sha256:%064x", i)));
        }
        AssociationsAnswer answer = read(many);
        assertThat(answer.associations().associations()).hasSize(64);
        assertThat(answer.malformed()).extracting(Malformed::sourceServerId).containsExactly("s-64", "s-65");
    }

    @Test
    void answerWithoutAListIsRefusedWhole() {
        assertThatThrownBy(() -> AssociationsAnswer.read(new JsonObject().put("associations", "none")))
                .isInstanceOf(MalformedException.class);
    }

    // --- what a malformed answer must not take away

    private static final JsonObject BROKEN = new JsonObject().put("sourceServerId", "s-1");

    @Test
    void malformedAssociationLeavesTheOneBeforeIt() throws Exception {
        Associations former = read(association("s-1", "vol-1", 'a'), association("s-2", "vol-2", 'b'))
                .associations();
        Associations now = read(BROKEN, association("s-3", "vol-3", 'c')).after(former);
        assertThat(idsOf(now)).as("s-2 is gone, as it should").containsExactly("s-3", "s-1");
        assertThat(now.of("s-1")).isEqualTo(former.of("s-1"));
    }

    @Test
    void nobodyIsRemovedWhileItIsUnknownWhoseAssociationIsMalformed() throws Exception {
        Associations former = read(association("s-1", "vol-1", 'a'), association("s-2", "vol-2", 'b'))
                .associations();
        Associations now =
                read(new JsonObject(), association("s-3", "vol-3", 'c')).after(former);
        assertThat(idsOf(now)).containsExactly("s-3", "s-1", "s-2");
    }

    @Test
    void whatWasGivenToAnotherIsNotKept() throws Exception {
        Associations former = read(association("s-1", "vol-1", 'a')).associations();
        Associations now = read(BROKEN, association("s-3", "vol-1", 'c')).after(former);
        assertThat(idsOf(now)).containsExactly("s-3");
    }

    @Test
    void malformedBandwidthLeavesTheOneBeforeItAndRemovesNobodyElse() throws Exception {
        Associations former = new Associations(
                read(association("s-1", "vol-1", 'a')).associations().associations(),
                new BandwidthSchedule(7, ZoneOffset.UTC, List.of()));
        AssociationsAnswer answer = AssociationsAnswer.read(answer().put("bandwidth", "fast"));
        assertThat(answer.bandwidthMistake()).isEqualTo("bandwidth=fast; allowed: an object");
        assertThat(answer.after(former)).isEqualTo(new Associations(List.of(), former.bandwidth()));
    }
}
