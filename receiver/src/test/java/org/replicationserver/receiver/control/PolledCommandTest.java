package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.replicationserver.receiver.control.CommandParameters.Logs;
import org.replicationserver.receiver.control.CommandParameters.NewBandwidth;
import org.replicationserver.receiver.control.CommandParameters.None;
import org.replicationserver.receiver.control.CommandParameters.OneVolume;
import org.replicationserver.receiver.control.CommandParameters.Pairing;
import org.replicationserver.receiver.control.CommandParameters.Software;
import org.replicationserver.receiver.control.CommandParameters.Volumes;
import org.replicationserver.receiver.control.PolledCommand.Invalid;
import org.replicationserver.receiver.control.PolledCommand.Nameless;
import org.replicationserver.receiver.control.PolledCommand.Sound;
import org.replicationserver.receiver.session.BandwidthSchedule;

final class PolledCommandTest {
    private static final String SHA512 = "0123456789abcdef".repeat(8);

    private static List<PolledCommand> readAll(String commands) throws MalformedException {
        return PolledCommand.readAll(new JsonObject("{\"commands\":[" + commands.replace('\'', '"') + "]}"));
    }

    private static PolledCommand read(String command) throws MalformedException {
        return readAll(command).getFirst();
    }

    private static ChannelCommand sound(String command) throws MalformedException {
        assertThat(read(command)).isInstanceOf(Sound.class);
        return ((Sound) read(command)).command();
    }

    @ParameterizedTest
    @EnumSource(
            mode = EnumSource.Mode.INCLUDE,
            names = {
                "UNPAIR_SOURCE_SERVER",
                "START_REPLICATION",
                "PAUSE_REPLICATION",
                "RESUME_REPLICATION",
                "STOP_REPLICATION",
                "VERIFY_VOLUMES",
                "CREATE_SNAPSHOT",
                "ACCEPT_AGENTS"
            })
    void commandAboutASourceServerNamesIt(CommandType type) throws Exception {
        assertThat(sound("{'commandId':'c-1','type':'" + type + "','sourceServerId':'s-1'}"))
                .isEqualTo(new ChannelCommand("c-1", type, "s-1", new None(), null));
        assertThat(read("{'commandId':'c-1','type':'" + type + "'}"))
                .isEqualTo(new Invalid("c-1", "sourceServerId is missing; allowed: 1 to 128 of A-Z a-z 0-9 . _ -"));
        assertThat(read("{'commandId':'c-1','type':'" + type + "','sourceServerId':'s 1'}"))
                .isEqualTo(new Invalid("c-1", "sourceServerId=s 1; allowed: 1 to 128 of A-Z a-z 0-9 . _ -"));
    }

    @ParameterizedTest
    @EnumSource(
            mode = EnumSource.Mode.INCLUDE,
            names = {"ROTATE_CERTIFICATE", "DRAIN_SERVER", "COLLECT_LOGS"})
    void commandAboutTheWholeServerNamesNone(CommandType type) throws Exception {
        assertThat(sound("{'commandId':'c-1','type':'" + type + "','unknown':1}")
                        .sourceServerId())
                .isNull();
        assertThat(read("{'commandId':'c-1','type':'" + type + "','sourceServerId':'s-1'}"))
                .isEqualTo(new Invalid(
                        "c-1", "sourceServerId=s-1; allowed: none, " + type + " is about the whole server"));
    }

    @Test
    void parametersArriveByType() throws Exception {
        String association =
                AssociationsAnswerTest.association("s-1", "vol-1", 'a').encode();
        assertThat(sound(
                                "{'commandId':'c','type':'PAIR_SOURCE_SERVER','sourceServerId':'s-1','parameters':{'association':"
                                        + association + "}}")
                        .parameters())
                .isInstanceOfSatisfying(
                        Pairing.class,
                        pairing -> assertThat(pairing.association().sourceServerId())
                                .isEqualTo("s-1"));
        assertThat(sound("{'commandId':'c','type':'RESCAN_VOLUMES','sourceServerId':'s-1'}")
                        .parameters())
                .isEqualTo(new Volumes(List.of()));
        assertThat(sound(
                                "{'commandId':'c','type':'RESCAN_VOLUMES','sourceServerId':'s-1','parameters':{'volumeIds':['vol-1']}}")
                        .parameters())
                .isEqualTo(new Volumes(List.of("vol-1")));
        ChannelCommand ofTheServer =
                sound("{'commandId':'c','type':'SET_BANDWIDTH','parameters':{'bandwidth':{'bandwidthThrottling':5}}}");
        assertThat(ofTheServer.sourceServerId()).isNull();
        assertThat(ofTheServer.parameters())
                .isEqualTo(new NewBandwidth(new BandwidthSchedule(5, ZoneOffset.UTC, List.of())));
        assertThat(sound("{'commandId':'c','type':'SET_BANDWIDTH','sourceServerId':'s-1','parameters':{'bandwidth':"
                                + "{'bandwidthThrottling':5}}}")
                        .sourceServerId())
                .isEqualTo("s-1");
        assertThat(sound("{'commandId':'c','type':'FETCH_SOFTWARE','parameters':{'bucket':'abc','key':'k','sha512':'"
                                + SHA512 + "'}}")
                        .parameters())
                .isEqualTo(new Software("abc", "k", null, null, SHA512, null));
        assertThat(sound("{'commandId':'c','type':'REOPEN_VOLUME','parameters':{'volumeId':'vol-1'}}")
                        .parameters())
                .isEqualTo(new OneVolume("vol-1"));
        assertThat(sound("{'commandId':'c','type':'COLLECT_LOGS'}").parameters())
                .isEqualTo(new Logs(1000));
        assertThat(sound("{'commandId':'c','type':'COLLECT_LOGS','parameters':{'maxRecords':5}}")
                        .parameters())
                .isEqualTo(new Logs(5));
        assertThat(sound(
                                "{'commandId':'c','type':'DRAIN_SERVER','parameters':{},'expiresDateTime':'2026-11-25T12:00:00Z'}")
                        .expires())
                .isEqualTo("2026-11-25T12:00:00Z");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'type':'REOPEN_VOLUME' | parameters.volumeId is missing; allowed: 1 to 128 of A-Z a-z 0-9 . _ -",
                "'type':'REOPEN_VOLUME','parameters':7 | parameters=7; allowed: an object",
                "'type':'REOPEN_VOLUME','parameters':{'volumeId':'v','force':true} | unknown member parameters.force; allowed: volumeId",
                "'type':'DRAIN_SERVER','parameters':{'fast':true} | unknown member parameters.fast; allowed: none here",
                "'type':'COLLECT_LOGS','parameters':{'maxRecords':0} | parameters.maxRecords=0; allowed: an integer from 1 to 10000",
                "'type':'FETCH_SOFTWARE','parameters':{'bucket':'b','key':'k'} | parameters.bucket=b; allowed: a string of 3 to 63 characters",
                "'type':'SET_BANDWIDTH','parameters':{'bandwidth':{'bandwidthThrottling':-1}} | parameters.bandwidth.bandwidthThrottling=-1; allowed: an integer from 0 to 10000",
                "'type':'RESCAN_VOLUMES','sourceServerId':'s','parameters':{'volumeIds':[]} | parameters.volumeIds=(a list of 0); allowed: a list of 1 to 60 elements",
                "'type':'DRAIN_SERVER','expiresDateTime':'2026-13-01T00:00:00Z' | expiresDateTime=2026-13-01T00:00:00Z; allowed: an instant as 2026-11-25T08:00:00Z",
                "'type':7 | type=7; allowed: a string of 1 to 256 characters",
                "'x':0 | type is missing; allowed: a string of 1 to 256 characters"
            })
    void malformedCommandIsAnsweredWithItsMistake(String members, String sentence) throws Exception {
        assertThat(read("{'commandId':'c-1'," + members + "}")).isEqualTo(new Invalid("c-1", sentence));
    }

    @Test
    void unknownTypeIsAnsweredWithThoseThatAreKnown() throws Exception {
        Invalid invalid = (Invalid) read("{'commandId':'c-1','type':'MAKE_COFFEE'}");
        assertThat(invalid.mistake())
                .startsWith("unknown command type MAKE_COFFEE; known are PAIR_SOURCE_SERVER, ")
                .endsWith(", DRAIN_SERVER");
    }

    @Test
    void pairingIsAboutTheSourceServerThatTheCommandNames() throws Exception {
        String association =
                AssociationsAnswerTest.association("s-1", "vol-1", 'a').encode();
        assertThat(read(
                        "{'commandId':'c','type':'PAIR_SOURCE_SERVER','sourceServerId':'s-2','parameters':{'association':"
                                + association + "}}"))
                .isEqualTo(new Invalid("c", "sourceServerId=s-2; allowed: the same as in the association"));
    }

    @Test
    void badCommandDoesNotTakeTheOthersWithIt() throws Exception {
        assertThat(readAll("7, {'type':'DRAIN_SERVER'}, {'commandId':'c 1'}, {'commandId':'c-2','type':'X'},"
                        + " {'commandId':'c-3','type':'DRAIN_SERVER'}"))
                .satisfiesExactly(
                        command -> assertThat(command).isEqualTo(new Nameless("commands[0]: no object")),
                        command -> assertThat(command).isInstanceOf(Nameless.class),
                        command -> assertThat(command).isInstanceOf(Nameless.class),
                        command -> assertThat(command).isInstanceOf(Invalid.class),
                        command -> assertThat(command).isInstanceOf(Sound.class));
    }

    @Test
    void peersTextIsCutAndHarmlessInSentences() throws Exception {
        Invalid invalid = (Invalid) read("{'commandId':'c','type':'\\u001b[31m" + "X".repeat(200) + "'}");
        assertThat(invalid.mistake())
                .doesNotContain("\u001b")
                .contains("?[31mXX")
                .contains("XX...");
    }
}
