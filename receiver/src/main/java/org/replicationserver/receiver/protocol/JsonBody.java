package org.replicationserver.receiver.protocol;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A JSON object of section 5.1 of the specification: parsed within its bounds, read member by member with a clear refusal, and
 * built in the order in which members are put. Unknown members are never looked at, which is how they are ignored and how they are
 * counted.
 */
public final class JsonBody {
    private static final long INTEGER_MAX = (1L << 53) - 1;
    private static final Pattern NUMBER_64 = Pattern.compile("[0-9]{1,20}");

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(ProtocolLimits.JSON_DEPTH_MAX)
                    .maxStringLength(ProtocolLimits.JSON_STRING_CHARS_MAX)
                    .maxNameLength(ProtocolLimits.JSON_STRING_CHARS_MAX)
                    .maxNumberLength(ProtocolLimits.JSON_NUMBER_CHARS_MAX)
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private final Map<String, @Nullable Object> members;
    private final Set<String> read = new HashSet<>();

    private JsonBody(Map<String, @Nullable Object> members) {
        this.members = members;
    }

    public static JsonBody empty() {
        return new JsonBody(new LinkedHashMap<>());
    }

    public static JsonBody parse(byte[] bytes) throws ProtocolException {
        return parse(ByteBuffer.wrap(bytes));
    }

    /** Parses what remains of {@code payload}, and leaves its position. */
    public static JsonBody parse(ByteBuffer payload) throws ProtocolException {
        return parse(payload, ProtocolLimits.JSON_BYTES_MAX);
    }

    /** The same for text that is no frame's body and may have another length. */
    public static JsonBody parse(ByteBuffer payload, int bytesMax) throws ProtocolException {
        if (payload.remaining() > bytesMax) {
            throw beyondBounds("a body of " + payload.remaining() + " bytes, allowed are " + bytesMax);
        }
        try (JsonParser parser = FACTORY.createParser(charsOf(payload))) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new ProtocolException(ErrorCode.PROTOCOL, "the body is not a JSON object");
            }
            JsonBody body = readObject(parser);
            if (parser.nextToken() != null) {
                throw new ProtocolException(ErrorCode.PROTOCOL, "text after the JSON object");
            }
            return body;
        } catch (StreamConstraintsException e) {
            throw beyondBounds("nested too deep, or a string, name or number too long");
        } catch (IOException e) {
            // The parser's own message quotes the input; the peer knows it and the log must not.
            throw new ProtocolException(ErrorCode.PROTOCOL, "the body is not valid JSON");
        }
    }

    /** Strictly UTF-8: given bytes, the parser would guess the encoding and accept what no encoder writes. */
    private static char[] charsOf(ByteBuffer payload) throws IOException {
        CharBuffer chars = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT)
                .decode(payload.duplicate());
        char[] copy = new char[chars.remaining()];
        chars.get(copy);
        return copy;
    }

    private static JsonBody readObject(JsonParser parser) throws IOException, ProtocolException {
        JsonBody body = empty();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = parser.currentName();
            requireLength(parser, "name", ProtocolLimits.JSON_STRING_CHARS_MAX);
            body.members.put(name, readValue(parser, parser.nextToken()));
        }
        return body;
    }

    private static @Nullable Object readValue(JsonParser parser, JsonToken token)
            throws IOException, ProtocolException {
        return switch (token) {
            case START_OBJECT -> readObject(parser);
            case START_ARRAY -> {
                List<@Nullable Object> list = new ArrayList<>();
                for (JsonToken t = parser.nextToken(); t != JsonToken.END_ARRAY; t = parser.nextToken()) {
                    list.add(readValue(parser, t));
                }
                yield list;
            }
            case VALUE_STRING -> {
                requireLength(parser, "string", ProtocolLimits.JSON_STRING_CHARS_MAX);
                yield parser.getText();
            }
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> {
                requireLength(parser, "number", ProtocolLimits.JSON_NUMBER_CHARS_MAX);
                Number number = parser.getNumberValue();
                yield number instanceof Integer ? (Number) number.longValue() : number;
            }
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            default -> null;
        };
    }

    /** Jackson's own bounds are coarser: they count a number's digits only. */
    private static void requireLength(JsonParser parser, String what, int charsMax)
            throws IOException, ProtocolException {
        if (parser.getTextLength() > charsMax) {
            throw beyondBounds("a " + what + " of more than " + charsMax + " characters");
        }
    }

    private static ProtocolException beyondBounds(String what) {
        return new ProtocolException(ErrorCode.LIMIT, "JSON beyond its bounds: " + what);
    }

    public JsonBody put(String name, String value) {
        members.put(name, value);
        return this;
    }

    public JsonBody put(String name, long value) {
        members.put(name, value);
        return this;
    }

    public JsonBody put(String name, boolean value) {
        members.put(name, value);
        return this;
    }

    public JsonBody put(String name, JsonBody value) {
        members.put(name, value);
        return this;
    }

    /** Values are strings, integers or bodies. */
    public JsonBody put(String name, List<?> values) {
        members.put(name, values);
        return this;
    }

    /** Puts the member unless the value is null. */
    public JsonBody putIfPresent(String name, @Nullable Object value) {
        if (value != null) {
            members.put(name, value);
        }
        return this;
    }

    /** A 64-bit number, which is a string of decimal digits on the wire. */
    public JsonBody putNumber64(String name, long value) {
        return put(name, Long.toUnsignedString(value));
    }

    private @Nullable Object value(String name) {
        read.add(name);
        return members.get(name);
    }

    /** How many members nobody has asked for, here and in the objects that were asked for. */
    public int unreadMembers() {
        int unread = 0;
        for (Map.Entry<String, @Nullable Object> member : members.entrySet()) {
            unread += read.contains(member.getKey()) ? unreadIn(member.getValue()) : 1;
        }
        return unread;
    }

    private static int unreadIn(@Nullable Object value) {
        return switch (value) {
            case JsonBody body -> body.unreadMembers();
            case List<?> list -> list.stream().mapToInt(JsonBody::unreadIn).sum();
            case null, default -> 0;
        };
    }

    public boolean has(String name) {
        return members.containsKey(name);
    }

    public String string(String name, int charsMin, int charsMax) throws ProtocolException {
        if (value(name) instanceof String text && text.length() >= charsMin && text.length() <= charsMax) {
            return text;
        }
        throw refused(name, "a string of " + charsMin + " to " + charsMax + " characters");
    }

    public String string(String name, Pattern allowed) throws ProtocolException {
        if (value(name) instanceof String text && allowed.matcher(text).matches()) {
            return text;
        }
        throw refused(name, "a string that matches " + allowed);
    }

    /** The constant of an enum whose name the member is. */
    public <E extends Enum<E>> E constant(String name, Class<E> type) throws ProtocolException {
        E[] allowed = type.getEnumConstants();
        for (E constant : allowed) {
            if (constant.name().equals(value(name))) {
                return constant;
            }
        }
        throw refused(name, "one of " + Arrays.toString(allowed));
    }

    public long integer(String name, long min, long max) throws ProtocolException {
        if (value(name) instanceof Long value && value >= min && value <= Math.min(max, INTEGER_MAX)) {
            return value;
        }
        throw refused(name, "an integer from " + min + " to " + max);
    }

    /** A length in bytes, of at least one sector and in whole sectors. */
    public long sectors(String name, long max) throws ProtocolException {
        long bytes = integer(name, ProtocolLimits.SECTOR_BYTES, max);
        if (bytes % ProtocolLimits.SECTOR_BYTES == 0) {
            return bytes;
        }
        throw refused(name, "a multiple of " + ProtocolLimits.SECTOR_BYTES);
    }

    public boolean bool(String name) throws ProtocolException {
        if (value(name) instanceof Boolean value) {
            return value;
        }
        throw refused(name, "true or false");
    }

    /** A 64-bit number below 2^63: none of the protocol's counters ever comes near. */
    public long number64(String name) throws ProtocolException {
        if (value(name) instanceof String text) {
            return parseNumber64(name, text);
        }
        throw refused(name, "a string of decimal digits below 2^63");
    }

    public JsonBody object(String name) throws ProtocolException {
        if (value(name) instanceof JsonBody body) {
            return body;
        }
        throw refused(name, "an object");
    }

    public List<JsonBody> objects(String name, int min, int max) throws ProtocolException {
        return list(name, JsonBody.class, "objects", min, max);
    }

    public List<String> strings(String name, int min, int max) throws ProtocolException {
        return list(name, String.class, "strings", min, max);
    }

    /** Integers of any size from 0 on. */
    public List<Long> integers(String name, int min, int max) throws ProtocolException {
        List<Long> values = list(name, Long.class, "integers", min, max);
        if (values.stream().allMatch(value -> value >= 0 && value <= INTEGER_MAX)) {
            return values;
        }
        throw refused(name, "an array of integers from 0 to " + INTEGER_MAX);
    }

    public long[] numbers64(String name, int min, int max) throws ProtocolException {
        List<String> texts = strings(name, min, max);
        long[] values = new long[texts.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = parseNumber64(name, texts.get(i));
        }
        return values;
    }

    private <T> List<T> list(String name, Class<T> element, String what, int min, int max) throws ProtocolException {
        if (value(name) instanceof List<?> values
                && values.size() >= min
                && values.size() <= max
                && values.stream().allMatch(element::isInstance)) {
            return values.stream().map(element::cast).toList();
        }
        throw refused(name, "an array of " + min + " to " + max + " " + what);
    }

    private long parseNumber64(String name, String text) throws ProtocolException {
        if (NUMBER_64.matcher(text).matches()) {
            try {
                return Long.parseLong(text);
            } catch (NumberFormatException e) {
                // falls through to the refusal: at or beyond 2^63
            }
        }
        throw refused(name, "decimal digits below 2^63");
    }

    private ProtocolException refused(String name, String allowed) {
        String what = has(name) ? "is not " : "is missing, it is ";
        return new ProtocolException(ErrorCode.PROTOCOL, "member " + name + " " + what + allowed);
    }

    /** The object as UTF-8 text. */
    public byte[] toBytes() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (JsonGenerator generator = FACTORY.createGenerator(out)) {
            write(generator, this);
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory cannot fail", e);
        }
        return out.toByteArray();
    }

    private static void write(JsonGenerator generator, @Nullable Object value) throws IOException {
        switch (value) {
            case null -> generator.writeNull();
            case JsonBody body -> {
                generator.writeStartObject();
                for (Map.Entry<String, @Nullable Object> member : body.members.entrySet()) {
                    generator.writeFieldName(member.getKey());
                    write(generator, member.getValue());
                }
                generator.writeEndObject();
            }
            case List<?> list -> {
                generator.writeStartArray();
                for (Object element : list) {
                    write(generator, element);
                }
                generator.writeEndArray();
            }
            case String text -> generator.writeString(text);
            case Boolean bool -> generator.writeBoolean(bool);
            case Double number -> generator.writeNumber(number);
            case BigInteger number -> generator.writeNumber(number);
            case Number number -> generator.writeNumber(number.longValue());
            default -> throw new IllegalArgumentException("no JSON form for " + value.getClass());
        }
    }

    @Override
    public String toString() {
        return new String(toBytes(), StandardCharsets.UTF_8);
    }
}
