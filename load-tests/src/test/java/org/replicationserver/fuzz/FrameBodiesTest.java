package org.replicationserver.fuzz;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.Body;
import org.replicationserver.receiver.protocol.Bye;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;

/** Each rule of the bodies of frames is broken by a parser with a planted fault, and says so. */
final class FrameBodiesTest {
    private static final String BYE = "{\"reason\":\"done\"}";

    private static String read(FrameType type, JsonRules.BodyParser parser, String text) throws ProtocolException {
        return new JsonRules().wordsOf(type, parser, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
    }

    private static Arguments fault(String rule, FrameType type, String text, JsonRules.BodyParser parser) {
        return Arguments.of(rule, type, text, parser);
    }

    private static Stream<Arguments> faults() {
        return Stream.of(
                fault(
                        "a body of ATTACH that is accepted is as its schema says",
                        FrameType.ATTACH,
                        "{\"generation\":\"1\",\"stream\":-1}",
                        json -> new Attach(json.number64("generation"), (int) json.integer("stream", -1, 15))),
                fault(
                        "a body of BYE that is accepted is as its schema says",
                        FrameType.BYE,
                        "{\"reason\":\"" + "x".repeat(65) + "\"}",
                        json -> new Bye(json.string("reason", 0, 65))),
                fault(
                        "a body of BYE that is accepted is as its schema says",
                        FrameType.BYE,
                        "{}",
                        json -> new Bye(json.has("reason") ? json.string("reason", 0, 64) : "")),
                fault("a body of BYE that is accepted is as its schema says", FrameType.BYE, BYE, json -> {
                    json.string("reason", 0, 65);
                    return new Padded();
                }),
                fault("a member that is not known changes nothing", FrameType.BYE, BYE, json -> {
                    Bye bye = Bye.parse(json);
                    return new Bye(bye.reason() + json.unreadMembers());
                }),
                fault("a member that is not known is counted", FrameType.BYE, BYE, json -> {
                    if (json.has("fuzz")) {
                        json.objects("fuzz", 0, 1);
                    }
                    return Bye.parse(json);
                }),
                fault("a member that is not known is ignored", FrameType.BYE, BYE, json -> {
                    Bye bye = Bye.parse(json);
                    if (json.unreadMembers() > 0) {
                        throw new ProtocolException(ErrorCode.PROTOCOL, "unknown");
                    }
                    return bye;
                }),
                fault(
                        "a body is the same when it is written and read again",
                        FrameType.BYE,
                        BYE,
                        json -> new Bye(Bye.parse(json).reason() + "!")),
                fault("each member that is written is read", FrameType.BYE, BYE, _ -> new Bye("done")),
                fault("a body that is written can be read", FrameType.BYE, BYE, json -> {
                    if (!json.has("reason") || json.string("reason", 0, 64).isEmpty()) {
                        throw new ProtocolException(ErrorCode.PROTOCOL, "empty");
                    }
                    return new Bye("");
                }));
    }

    /** Whatever it was, it writes a reason that is too long. */
    private record Padded() implements Body {
        @Override
        public JsonBody toJson() {
            return JsonBody.empty().put("reason", "x".repeat(65));
        }
    }

    @ParameterizedTest(name = "{0}: {2}")
    @MethodSource("faults")
    void aPlantedFaultIsFound(String rule, FrameType type, String text, JsonRules.BodyParser parser) {
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> read(type, parser, text))
                .withMessageContaining(rule);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {BYE, " { \"reason\" : \"\\u0007\" , \"fuzz\" : 1.5e99 } ", "{\"reason\":\"😀\",\"fuzz+\":[]}"})
    void aSoundParserBreaksNoRule(String text) {
        assertThatCode(() -> read(FrameType.BYE, Bye::parse, text)).doesNotThrowAnyException();
    }

    private static Stream<Arguments> bounds() {
        return Stream.of(
                Arguments.of("at most 1024 characters, not 1025", "{\"", "x", 1024, "\":1}"),
                Arguments.of("at most 1024 characters, not 1025", "{\"a\":\"", "\\u0041", 1024, "\"}"),
                Arguments.of("at most 1024 characters, not 1025", "{\"a\":\"", "\\\"", 1024, "\"}"),
                Arguments.of("at most 20 characters, not 21", "{\"a\":-1.", "0", 17, "}"),
                Arguments.of("at most 8 deep", "{\"a\":", "[", 7, "]]]]]]]]"),
                Arguments.of("at most 64 KiB", "{", " ", 65534, "}"));
    }

    @ParameterizedTest(name = "{0}: {2}")
    @MethodSource("bounds")
    void textBeyondABoundIsFoundAndTextAtItIsNot(String rule, String head, String repeated, int countMax, String tail) {
        assertThatCode(() -> JsonRules.requireWithinBounds(head + repeated.repeat(countMax) + tail))
                .doesNotThrowAnyException();
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> JsonRules.requireWithinBounds(head + repeated.repeat(countMax + 1) + tail))
                .withMessageContaining(rule);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "with a bell \u0007", "two\nlines", "turned \u202e round"})
    void refusalThatIsNoLineForPeopleIsFound(String text) {
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(() -> FrameBodies.requireRefusal(new ProtocolException(ErrorCode.PROTOCOL, text)))
                .withMessageContaining("a refusal");
    }

    @Test
    void refusalThatErrorHasNoRoomForIsFound() {
        FrameBodies.requireRefusal(new ProtocolException(ErrorCode.PROTOCOL, "x".repeat(256)));
        assertThatExceptionOfType(AssertionError.class)
                .isThrownBy(
                        () -> FrameBodies.requireRefusal(new ProtocolException(ErrorCode.PROTOCOL, "x".repeat(257))))
                .withMessageContaining("at most 256 characters, not 257");
    }
}
