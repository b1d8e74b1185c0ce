package org.replicationserver.receiver.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.json.schema.Draft;
import io.vertx.json.schema.JsonSchema;
import io.vertx.json.schema.JsonSchemaOptions;
import io.vertx.json.schema.OutputFormat;
import io.vertx.json.schema.Validator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each member of each JSON body: what the parser makes of it and what the published schema says. */
final class BodyMembersTest {
    private static final Path SCHEMAS = Path.of("protocol", "schemas");
    private static final String NUMBER_64 = "^[0-9]{1,20}$";

    private static final Set<String> OPTIONAL = Set.of(
            "HELLO .features",
            "HELLO .remembers",
            "PROGRESS .volumes[0].lastError",
            "ERROR .name",
            "ERROR .seq",
            "ERROR .volume",
            "ERROR .offset",
            "ERROR .text");

    private static final Map<FrameType, JsonObject> SCHEMA = new EnumMap<>(FrameType.class);
    private static final Map<FrameType, Validator> VALIDATOR = new EnumMap<>(FrameType.class);

    static {
        JsonSchemaOptions options = new JsonSchemaOptions()
                .setBaseUri("https://replicationserver.test/")
                .setDraft(Draft.DRAFT202012)
                .setOutputFormat(OutputFormat.Flag);
        Bodies.types().forEach(type -> {
            JsonObject schema = schemaOf(type);
            SCHEMA.put(type, schema);
            VALIDATOR.put(type, Validator.create(JsonSchema.of(schema), options));
        });
    }

    private static JsonObject schemaOf(FrameType type) {
        try {
            return new JsonObject(Files.readString(SCHEMAS.resolve(Bodies.schemaFile(type))));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean schemaAllows(FrameType type, JsonObject json) {
        return Objects.requireNonNull(VALIDATOR.get(type)).validate(json).getValid();
    }

    private static JsonObject descriptionOf(BodyMember member) {
        return member.describedBy(Objects.requireNonNull(SCHEMA.get(member.type())));
    }

    static Stream<FrameType> types() {
        return Bodies.types();
    }

    static Stream<BodyMember> members() {
        return BodyMember.all();
    }

    static Stream<BodyMember> namedMembers() {
        return BodyMember.all().filter(member -> !member.isElement());
    }

    static Stream<BodyMember> integers() {
        return BodyMember.all().filter(member -> member.value() instanceof Number);
    }

    static Stream<BodyMember> texts() {
        return BodyMember.all().filter(member -> member.value() instanceof String);
    }

    static Stream<BodyMember> numbers64() {
        return texts().filter(member -> NUMBER_64.equals(descriptionOf(member).getString("pattern")));
    }

    static Stream<BodyMember> hexadecimals() {
        return texts().filter(member -> member.value().toString().matches("[0-9a-f]{32}"));
    }

    static Stream<BodyMember> arrays() {
        return BodyMember.all().filter(member -> member.value() instanceof JsonArray);
    }

    @Test
    void everySchemaHasItsBody() throws Exception {
        try (Stream<Path> files = Files.list(SCHEMAS)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrderElementsOf(
                            Bodies.types().map(Bodies::schemaFile).toList());
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    void fullExampleHasEveryMemberOfTheSchema(FrameType type) {
        List<String> names = new ArrayList<>();
        addNames(names, type + " ", Objects.requireNonNull(SCHEMA.get(type)));
        assertThat(namedMembers().filter(member -> member.type() == type).map(BodyMember::toString))
                .containsExactlyInAnyOrderElementsOf(names);
    }

    private static void addNames(List<String> names, String at, JsonObject schema) {
        JsonObject properties = schema.getJsonObject("properties", new JsonObject());
        for (String name : properties.fieldNames()) {
            names.add(at + "." + name);
            addNames(names, at + "." + name, properties.getJsonObject(name));
        }
        if (schema.containsKey("items")) {
            addNames(names, at + "[0]", schema.getJsonObject("items"));
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    void fullExampleIsReadAsItWasWrittenAndFitsTheSchema(FrameType type) throws Exception {
        Body body = Bodies.full(type);
        assertThat(Bodies.parse(type, JsonBody.parse(body.toJson().toBytes()))).isEqualTo(body);
        assertThat(schemaAllows(type, BodyMember.full(type))).isTrue();
    }

    @ParameterizedTest
    @MethodSource("types")
    void randomBodiesAreReadAsTheyWereWrittenAndFitTheSchema(FrameType type) throws Exception {
        Random random = Seeds.random("randomBodiesAreReadAsTheyWereWrittenAndFitTheSchema " + type);
        for (int i = 0; i < 100; i++) {
            Body body = Bodies.random(type, random);
            byte[] json = body.toJson().toBytes();
            assertThat(Bodies.parse(type, JsonBody.parse(json))).isEqualTo(body);
            assertThat(schemaAllows(type, new JsonObject(body.toJson().toString())))
                    .as(body.toString())
                    .isTrue();
        }
    }

    @ParameterizedTest
    @MethodSource("namedMembers")
    void missingMemberIsRefusedUnlessItIsOptional(BodyMember member) {
        boolean optional = OPTIONAL.contains(member.toString());
        JsonObject json = member.removed();
        assertThat(member.refusalOf(json)).isEqualTo(optional ? null : ErrorCode.PROTOCOL);
        assertThat(schemaAllows(member.type(), json)).isEqualTo(optional);
    }

    @ParameterizedTest
    @MethodSource("members")
    void valueOfAnotherTypeIsRefused(BodyMember member) {
        List<@Nullable Object> values =
                Arrays.asList(true, 7, 2.5, "7", new JsonArray(), new JsonArray().add(7), new JsonObject(), null);
        for (Object value : values) {
            if (!isOfOneType(value, member.value())) {
                JsonObject json = member.with(value);
                assertThat(member.refusalOf(json)).as("value " + value).isEqualTo(ErrorCode.PROTOCOL);
                assertThat(schemaAllows(member.type(), json))
                        .as("schema, value " + value)
                        .isFalse();
            }
        }
    }

    private static boolean isOfOneType(@Nullable Object one, Object other) {
        return (one != null && one.getClass() == other.getClass()) || (one instanceof Integer && other instanceof Long);
    }

    @ParameterizedTest
    @MethodSource("integers")
    void integerHasNoFractionAndNoExponent(BodyMember member) {
        for (String token : List.of(member.value() + ".0", member.value() + "e0", member.value() + "E+0", "-0.0")) {
            assertThat(BodyMember.refusalOf(member.type(), member.withToken(token)))
                    .as(token)
                    .isEqualTo(ErrorCode.PROTOCOL);
        }
    }

    @ParameterizedTest
    @MethodSource("integers")
    void integerOutsideWhatJsonNumbersHoldIsRefused(BodyMember member) {
        for (String token : List.of(
                "-1",
                "9007199254740992",
                "9223372036854775807",
                "9223372036854775808",
                "-9223372036854775808",
                "18446744073709551615",
                "4294967297000000000")) {
            assertThat(BodyMember.refusalOf(member.type(), member.withToken(token)))
                    .as(token)
                    .isEqualTo(ErrorCode.PROTOCOL);
        }
    }

    @ParameterizedTest
    @MethodSource("integers")
    void integersEndWhereTheSchemaSays(BodyMember member) {
        JsonObject description = descriptionOf(member);
        List<Long> values = new ArrayList<>();
        if (description.containsKey("enum")) {
            for (Object allowed : description.getJsonArray("enum")) {
                long value = ((Number) allowed).longValue();
                values.addAll(List.of(value - 1, value, value + 1));
            }
        } else {
            long min = description.getLong("minimum");
            long max = description.getLong("maximum");
            values.addAll(List.of(min - 1, min, min + 1, max - 1, max, max + 1));
        }
        for (long value : values) {
            assertAgreement(member, member.with(value), "value " + value);
        }
    }

    @ParameterizedTest
    @MethodSource("texts")
    void textsAreAsLongAsTheSchemaSays(BodyMember member) {
        JsonObject description = descriptionOf(member);
        if (description.containsKey("enum")) {
            description.getJsonArray("enum").forEach(value -> assertAgreement(member, member.with(value), "" + value));
            assertAgreement(member, member.with("OTHER"), "OTHER");
            return;
        }
        int min = description.getInteger("minLength");
        int max = description.getInteger("maxLength");
        BodyMember.texts("0", min - 1, min, max, max + 1)
                .forEach(text -> assertAgreement(member, member.with(text), text.length() + " characters"));
    }

    @ParameterizedTest
    @MethodSource("arrays")
    void arraysAreAsLongAsTheSchemaSays(BodyMember member) {
        int min = descriptionOf(member).getInteger("minItems", 0);
        int max = descriptionOf(member).getInteger("maxItems", 64);
        for (int count : new int[] {0, min, max, max + 1}) {
            assertAgreement(member, member.withElements(count), count + " elements");
        }
    }

    private static void assertAgreement(BodyMember member, JsonObject json, String what) {
        boolean allowed = schemaAllows(member.type(), json);
        assertThat(member.refusalOf(json) == null)
                .as("%s %s: the schema %s it, the parser", member, what, allowed ? "allows" : "refuses")
                .isEqualTo(allowed);
    }

    @ParameterizedTest
    @MethodSource("numbers64")
    void number64IsDecimalDigitsBelow2To63(BodyMember member) {
        long last = member.toString().equals("HELLO .remembers.generation") ? (1L << 62) - 1 : Long.MAX_VALUE;
        for (String good : List.of("0", "1", "" + last, "00000000000000000007")) {
            assertThat(member.refusalOf(member.with(good))).as(good).isNull();
        }
        for (String bad : List.of(
                "" + (last + 1 > 0 ? last + 1 : "9223372036854775808"),
                "18446744073709551615",
                "18446744073709551616",
                "99999999999999999999",
                "000000000000000000007",
                "",
                "-1",
                "+1",
                " 1",
                "1 ",
                "1\n",
                "1.0",
                "1e3",
                "0x1",
                "١")) {
            assertThat(member.refusalOf(member.with(bad))).as(bad).isEqualTo(ErrorCode.PROTOCOL);
        }
    }

    @ParameterizedTest
    @MethodSource("hexadecimals")
    void hexadecimalDigitsAreLowerCase(BodyMember member) {
        for (String bad :
                List.of("00112233445566778899AABBCCDDEEFF", "0011223344556677-899aabbccddeeff", "g".repeat(32))) {
            assertThat(member.refusalOf(member.with(bad))).as(bad).isEqualTo(ErrorCode.PROTOCOL);
            assertThat(schemaAllows(member.type(), member.with(bad)))
                    .as("schema, " + bad)
                    .isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a b", "a/b", "é", "\na", "\u0000"})
    void sourceServerIdHasOnlyItsCharacters(String id) {
        JsonObject json = BodyMember.full(FrameType.HELLO).put("sourceServerId", id);
        assertThat(BodyMember.refusalOf(FrameType.HELLO, json.encode())).isEqualTo(ErrorCode.PROTOCOL);
        assertThat(schemaAllows(FrameType.HELLO, json)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(longs = {513, 1023, ProtocolLimits.DISK_BYTES_MAX - 1})
    void sizesAreMultiplesOf512(long bytes) {
        namedMembers()
                .filter(member -> descriptionOf(member).containsKey("multipleOf"))
                .filter(member -> bytes <= descriptionOf(member).getLong("maximum"))
                .forEach(member -> {
                    assertThat(member.refusalOf(member.with(bytes)))
                            .as(member.toString())
                            .isEqualTo(ErrorCode.PROTOCOL);
                    assertThat(schemaAllows(member.type(), member.with(bytes))).isFalse();
                });
    }

    @Test
    void versionBeyond32BitsIsNotTakenForAnother() throws Exception {
        JsonObject hello = BodyMember.full(FrameType.HELLO)
                .put("versions", new JsonArray().add((1L << 32) + ProtocolLimits.VERSION));
        Hello parsed = Hello.parse(JsonBody.parse(hello.toBuffer().getBytes()));
        assertThat(parsed.versions()).doesNotContain(ProtocolLimits.VERSION);
    }

    @Test
    void twoDisksOfOneNameAreRefused() {
        JsonObject hello = BodyMember.full(FrameType.HELLO);
        JsonArray disks = hello.getJsonArray("disks");
        disks.getJsonObject(1).put("deviceName", disks.getJsonObject(0).getString("deviceName"));
        assertThat(BodyMember.refusalOf(FrameType.HELLO, hello.encode())).isEqualTo(ErrorCode.PROTOCOL);
    }

    @Test
    void deviceNameOfHelloFitsIntoWelcome() {
        // Two UTF-16 units each.
        String name = "😀".repeat(128);
        JsonObject hello = BodyMember.full(FrameType.HELLO);
        hello.getJsonArray("disks").getJsonObject(0).put("deviceName", name);
        JsonObject welcome = BodyMember.full(FrameType.WELCOME);
        welcome.getJsonArray("volumes").getJsonObject(0).put("deviceName", name);
        assertThat(BodyMember.refusalOf(FrameType.WELCOME, welcome.encode()))
                .isEqualTo(BodyMember.refusalOf(FrameType.HELLO, hello.encode()));
    }

    @ParameterizedTest
    @MethodSource("types")
    void unknownMembersAreIgnoredEverywhere(FrameType type) throws Exception {
        JsonObject json = (JsonObject) greased(BodyMember.full(type));
        assertThat(Bodies.parse(type, JsonBody.parse(json.toBuffer().getBytes())))
                .isEqualTo(Bodies.full(type));
        assertThat(schemaAllows(type, json)).isTrue();
    }

    private static Object greased(Object value) {
        return switch (value) {
            case JsonObject object -> {
                JsonObject out = new JsonObject()
                        .put("x-first", new JsonArray().addNull().add(-2.5));
                object.forEach(member -> out.put(member.getKey(), greased(member.getValue())));
                yield out.put("x-last", new JsonObject().put("code", "€").putNull("seq"));
            }
            case JsonArray array -> {
                JsonArray out = new JsonArray();
                array.forEach(element -> out.add(greased(element)));
                yield out;
            }
            default -> value;
        };
    }
}
