package org.replicationserver.receiver.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The bounds of section 5.1 and the texts that are no JSON, whatever the body. */
final class JsonBodyTest {
    private static @Nullable ErrorCode refusalOf(byte[] bytes) {
        try {
            JsonBody.parse(bytes);
            return null;
        } catch (ProtocolException e) {
            return e.code();
        }
    }

    private static @Nullable ErrorCode refusalOf(String json) {
        return refusalOf(json.getBytes(StandardCharsets.UTF_8));
    }

    private static void assertLimit(String lastGood, String firstBad) {
        assertThat(refusalOf(lastGood)).isNull();
        assertThat(refusalOf(firstBad)).isEqualTo(ErrorCode.LIMIT);
    }

    private static String arrays(int depth) {
        return "{\"a\":" + "[".repeat(depth - 1) + "]".repeat(depth - 1) + "}";
    }

    private static String objects(int depth) {
        return "{\"a\":".repeat(depth - 1) + "{}" + "}".repeat(depth - 1);
    }

    @Test
    void nestingIsEightDeepCountingTheBody() {
        assertLimit(arrays(8), arrays(9));
        assertLimit(objects(8), objects(9));
        assertThat(refusalOf("{\"a\":" + "[".repeat(60_000) + "}")).isEqualTo(ErrorCode.LIMIT);
        // Depth is not the number of brackets.
        assertThat(refusalOf("{\"a\":[" + "[[[[[[]]]]]],".repeat(50) + "1]}")).isNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "é", "€", "\\n", "\\u0061", "\\u20ac"})
    void stringsHaveAtMost1024Characters(String character) {
        assertLimit("{\"a\":\"" + character.repeat(1024) + "\"}", "{\"a\":\"" + character.repeat(1025) + "\"}");
        assertLimit(
                "{\"a\":[{\"b\":\"" + character.repeat(1024) + "\"}]}",
                "{\"a\":[{\"b\":\"" + character.repeat(1025) + "\"}]}");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "é", "€", "\\n", "\\u0061", "\\u20ac"})
    void namesHaveAtMost1024Characters(String character) {
        assertLimit("{\"" + character.repeat(1024) + "\":1}", "{\"" + character.repeat(1025) + "\":1}");
    }

    @Test
    void charactersAreUtf16Units() {
        assertLimit("{\"a\":\"" + "😀".repeat(512) + "\"}", "{\"a\":\"" + "😀".repeat(512) + "a\"}");
        assertLimit("{\"" + "😀".repeat(512) + "\":1}", "{\"" + "😀".repeat(512) + "a\":1}");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "-1", "1.", "-1.", "0.0", "1e-", "-1.5E+", "1.5e"})
    void numbersHaveAtMost20Characters(String start) {
        String good = start + "1".repeat(20 - start.length());
        assertLimit("{\"a\":" + good + "}", "{\"a\":" + good + "1}");
        assertLimit("{\"a\":[[" + good + "]]}", "{\"a\":[[" + good + "1]]}");
    }

    @Test
    void bodyHasAtMost65536Bytes() {
        String json = "{\"a\":1";
        assertLimit(json + " ".repeat(65535 - json.length()) + "}", json + " ".repeat(65536 - json.length()) + "}");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"a\":1,\"a\":1}",
                "{\"a\":1,\"b\":2,\"a\":\"x\"}",
                "{\"a\":null,\"a\":1}",
                "{\"a\":1,\"a\":null}",
                "{\"a\":1,\"\\u0061\":1}",
                "{\"x\":{\"a\":1,\"a\":1}}",
                "{\"x\":[[{\"a\":1,\"b\":{\"c\":1,\"c\":2}}]]}",
                "{\"\":1,\"\":1}"
            })
    void memberGivenTwiceIsRefused(String json) {
        assertThat(refusalOf(json)).isEqualTo(ErrorCode.PROTOCOL);
    }

    @Test
    void sameNameInAnotherObjectIsNoDuplicate() {
        assertThat(refusalOf("{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]},\"A\":1}")).isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "[]",
                "1",
                "null",
                "true",
                "\"a\"",
                "{",
                "}",
                "{}{}",
                "{} x",
                "{},",
                "{\"a\"}",
                "{\"a\":}",
                "{\"a\":1",
                "{\"a\":1,}",
                "{,}",
                "{a:1}",
                "{'a':1}",
                "{\"a\":'b'}",
                "{\"a\":[1,]}",
                "{\"a\":[1 2]}",
                "{\"a\":[}",
                "{\"a\":1]",
                "{\"a\":NaN}",
                "{\"a\":Infinity}",
                "{\"a\":-Infinity}",
                "{\"a\":-INF}",
                "{\"a\":+1}",
                "{\"a\":01}",
                "{\"a\":-01}",
                "{\"a\":.5}",
                "{\"a\":1.}",
                "{\"a\":-}",
                "{\"a\":1e}",
                "{\"a\":0x1}",
                "{\"a\":1_0}",
                "{\"a\":tru}",
                "{\"a\":True}",
                "{\"a\":nul}",
                "{\"a\":undefined}",
                "{\"a\":\"\n\"}",
                "{\"a\":\"\t\"}",
                "{\"a\":\"\u0000\"}",
                "{\"\n\":1}",
                "{\"a\":\"\\x\"}",
                "{\"a\":\"\\u12\"}",
                "{\"a\":\"\\u12g4\"}",
                "{\"a\":\"",
                "{\"a\":\"\\",
                "{//\n}",
                "{/**/}",
                "{#\n}",
                "\u0000{}",
                "{}\u0000",
                "{\u000b}",
                "{\u00a0}",
                "\ufeff{}",
                "{}\ufeff"
            })
    void whatIsNotJsonIsRefused(String text) {
        assertThat(refusalOf(text)).isEqualTo(ErrorCode.PROTOCOL);
    }

    /** Lone and missing continuations, overlong forms, surrogates, beyond U+10FFFF, bytes that never occur. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "80",
                "bf",
                "c3",
                "c328",
                "c080",
                "c1bf",
                "e282",
                "e228a1",
                "e08080",
                "e09fbf",
                "eda080",
                "edbfbf",
                "edb080",
                "f0",
                "f09f98",
                "f0808080",
                "f08fbfbf",
                "f4908080",
                "f5808080",
                "f8888080",
                "fe",
                "ff",
                "fffe",
                "feff"
            })
    void malformedUtf8IsRefused(String hex) {
        byte[] bad = HexFormat.of().parseHex(hex);
        assertThat(refusalOf(join("{\"a\":\"", bad, "\"}"))).as("in a string").isEqualTo(ErrorCode.PROTOCOL);
        assertThat(refusalOf(join("{\"", bad, "\":1}"))).as("in a name").isEqualTo(ErrorCode.PROTOCOL);
        assertThat(refusalOf(join("{", bad, "}"))).as("outside").isEqualTo(ErrorCode.PROTOCOL);
    }

    private static byte[] join(String before, byte[] middle, String after) {
        byte[] start = before.getBytes(StandardCharsets.UTF_8);
        byte[] end = after.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(start.length + middle.length + end.length)
                .put(start)
                .put(middle)
                .put(end)
                .array();
    }

    @ParameterizedTest
    @ValueSource(strings = {"UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32", "UTF-32LE", "UTF-32BE"})
    void otherEncodingsAreRefused(String charset) {
        assertThat(refusalOf("{\"a\":1}".getBytes(Charset.forName(charset)))).isEqualTo(ErrorCode.PROTOCOL);
    }

    /** JSON allows the escape of what UTF-8 cannot hold. */
    @ParameterizedTest
    @ValueSource(strings = {"\\ud800", "\\udc00", "\\ud800x", "\\udc00\\ud800"})
    void halfOfASurrogatePairCanBeReadAndWritten(String text) throws Exception {
        JsonBody body = JsonBody.parse(bytes("{\"a\":\"" + text + "\"}"));
        assertThat(JsonBody.parse(body.toBytes()).string("a", 0, 2)).isEqualTo(body.string("a", 0, 2));
    }

    @Test
    void escapedSurrogatePairIsOneCharacter() throws Exception {
        JsonBody body = JsonBody.parse("{\"a\":\"\\ud83d\\ude00\"}".getBytes(StandardCharsets.UTF_8));
        assertThat(body.string("a", 0, 2)).isEqualTo("😀");
        assertThat(JsonBody.parse(body.toBytes()).string("a", 0, 2)).isEqualTo("😀");
    }

    @Test
    void integersEndAt2To53() throws Exception {
        assertThat(JsonBody.parse(bytes("{\"a\":9007199254740991}")).integer("a", 0, Long.MAX_VALUE))
                .isEqualTo(9007199254740991L);
        for (String token :
                List.of("9007199254740992", "9223372036854775807", "99999999999999999999", "-1", "1.0", "1e0")) {
            JsonBody body = JsonBody.parse(bytes("{\"a\":" + token + "}"));
            assertThat(codeOf(() -> body.integer("a", 0, Long.MAX_VALUE)))
                    .as(token)
                    .isEqualTo(ErrorCode.PROTOCOL);
        }
    }

    private interface Reading {
        void read() throws ProtocolException;
    }

    private static @Nullable ErrorCode codeOf(Reading reading) {
        try {
            reading.read();
            return null;
        } catch (ProtocolException e) {
            return e.code();
        }
    }

    private static byte[] bytes(String json) {
        return json.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void whatIsWrittenIsReadBack() throws Exception {
        JsonBody body = JsonBody.empty()
                .put("text", "\"\\/\b\f\n\r\t\u0000\u007f\u2028é€😀")
                .put("list", List.of(1L, true, "x", List.of()))
                .put("object", JsonBody.empty().put("é\"", 0))
                .putIfPresent("absent", null)
                .putNumber64("number", Long.MAX_VALUE);
        JsonBody read = JsonBody.parse(body.toBytes());
        assertThat(read.toBytes()).isEqualTo(body.toBytes());
        assertThat(read.string("text", 0, 100)).isEqualTo("\"\\/\b\f\n\r\t\u0000\u007f\u2028é€😀");
        assertThat(read.object("object").integer("é\"", 0, 0)).isZero();
        assertThat(read.has("absent")).isFalse();
        assertThat(read.number64("number")).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void parsingTakesWhatRemainsOfABufferAndLeavesIt() throws Exception {
        ByteBuffer buffer = ByteBuffer.wrap(bytes("xx{\"a\":1}y")).position(2).limit(9);
        assertThat(JsonBody.parse(buffer).integer("a", 1, 1)).isEqualTo(1);
        assertThat(buffer.position()).isEqualTo(2);
    }

    @Test
    void refusalDoesNotQuoteTheBody() {
        for (String json : List.of("{\"secret\":secret}", "{\"secret\":\"\\secret\"}", "{\"secret\":1,\"secret\":1}")) {
            try {
                JsonBody.parse(bytes(json));
                throw new AssertionError("was not refused: " + json);
            } catch (ProtocolException e) {
                assertThat(e).hasMessageNotContaining("secret");
            }
        }
    }

    @Test
    void randomBodiesAreParsedOrRefused() {
        throwNothingElse("randomBodiesAreParsedOrRefused", 10_000);
    }

    @Test
    @Tag("long")
    void aMillionRandomBodiesAreParsedOrRefused() {
        throwNothingElse("aMillionRandomBodiesAreParsedOrRefused", 1_000_000);
    }

    /** Random bytes, random words of JSON, and good bodies with random changes, given to every parser. */
    private static void throwNothingElse(String test, int count) {
        Random random = Seeds.random(test);
        List<FrameType> types = Bodies.types().toList();
        int parsed = 0;
        for (int i = 0; i < count; i++) {
            FrameType type = types.get(random.nextInt(types.size()));
            byte[] bytes = switch (i % 3) {
                case 0 -> randomBytes(random, 64);
                case 1 -> randomWords(random);
                default -> changed(random, Bodies.full(type).toJson().toBytes());
            };
            try {
                JsonBody json = JsonBody.parse(bytes);
                parsed++;
                assertThat(json.toBytes()).isNotEmpty();
                Bodies.parse(type, json);
            } catch (ProtocolException e) {
                assertThat(e.code()).isIn(ErrorCode.PROTOCOL, ErrorCode.LIMIT);
            } catch (RuntimeException e) {
                throw new AssertionError(type + " " + HexFormat.of().formatHex(bytes), e);
            }
        }
        assertThat(parsed).isBetween(1, count - 1);
    }

    private static byte[] randomBytes(Random random, int max) {
        byte[] bytes = new byte[random.nextInt(max)];
        random.nextBytes(bytes);
        return bytes;
    }

    private static byte[] randomWords(Random random) {
        String[] words = {
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"streams\"",
            "\"code\"",
            "1",
            "-0",
            "1e999",
            "2.5",
            "null",
            "true",
            " ",
            "\\ud800",
            "\"\\ud83d\"",
            "9".repeat(21)
        };
        StringBuilder text = new StringBuilder("{");
        for (int n = random.nextInt(12); n > 0; n--) {
            text.append(words[random.nextInt(words.length)]);
        }
        return bytes(text.append(random.nextBoolean() ? "}" : "").toString());
    }

    private static byte[] changed(Random random, byte[] json) {
        for (int n = random.nextInt(4); n > 0; n--) {
            int at = random.nextInt(json.length);
            switch (random.nextInt(3)) {
                case 0 -> json[at] = (byte) (json[at] ^ (1 << random.nextInt(8)));
                case 1 -> json[at] = (byte) "0123456789-.eE\"\\{}[],:".charAt(random.nextInt(22));
                default -> json = Arrays.copyOf(json, Math.max(1, at));
            }
        }
        return json;
    }
}
