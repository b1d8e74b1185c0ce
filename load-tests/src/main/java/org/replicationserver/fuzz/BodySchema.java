package org.replicationserver.fuzz;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.FrameType;

/**
 * The published schema of a frame's JSON body. Of the words of JSON Schema it knows those that these schemas use, counts lengths in UTF-16 code
 * units as section 5.1 does, and takes so little memory that the bound of the parser's can be held. One thread.
 */
final class BodySchema {
    private static final Set<String> KNOWN = Set.of(
            "$schema",
            "title",
            "description",
            "type",
            "required",
            "properties",
            "items",
            "enum",
            "pattern",
            "multipleOf",
            "minimum",
            "maximum",
            "minLength",
            "maxLength",
            "minItems",
            "maxItems");

    /** Of strings that are 64-bit numbers, which are below 2^63 too. */
    private static final String NUMBER_64 = "^[0-9]{1,20}$";

    private final JsonObject schema;
    private final Map<String, Pattern> patterns = new HashMap<>();

    private BodySchema(JsonObject schema) {
        this.schema = schema;
    }

    static BodySchema of(FrameType type) {
        String file =
                "/protocol/schemas/" + type.name().toLowerCase(Locale.ROOT).replace('_', '-') + ".schema.json";
        try (InputStream text = BodySchema.class.getResourceAsStream(file)) {
            if (text == null) {
                throw new IllegalStateException("the program is without " + file);
            }
            return new BodySchema(new JsonObject(Buffer.buffer(text.readAllBytes())));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What of a body is not as it should be; null if nothing is. Members that are not in the schema are allowed. */
    @Nullable
    String violation(JsonObject body) {
        return violation(schema, body, "body");
    }

    private @Nullable String violation(JsonObject of, @Nullable Object value, String place) {
        if (!KNOWN.containsAll(of.fieldNames())) {
            throw new IllegalStateException("a schema with other words than " + KNOWN + ": " + of.fieldNames());
        }
        JsonArray allowed = of.getJsonArray("enum");
        if (allowed != null && !allowed.contains(value)) {
            return place + " is none of " + allowed;
        }
        String type = of.getString("type");
        return switch (type) {
            case "object" -> value instanceof JsonObject object ? ofObject(of, object, place) : place + " is no object";
            case "array" -> value instanceof JsonArray array ? ofArray(of, array, place) : place + " is no array";
            case "string" -> value instanceof String text ? ofString(of, text, place) : place + " is no string";
            case "integer" ->
                value instanceof Integer || value instanceof Long
                        ? ofInteger(of, ((Number) value).longValue(), place)
                        : place + " is no integer";
            case "boolean" -> value instanceof Boolean ? null : place + " is no boolean";
            default -> throw new IllegalStateException("a schema of type " + type);
        };
    }

    private @Nullable String ofObject(JsonObject of, JsonObject object, String place) {
        for (Object required : of.getJsonArray("required", new JsonArray())) {
            if (!object.containsKey((String) required)) {
                return place + "." + required + " is missing";
            }
        }
        JsonObject properties = of.getJsonObject("properties");
        for (String name : properties.fieldNames()) {
            String found = object.containsKey(name)
                    ? violation(properties.getJsonObject(name), object.getValue(name), place + "." + name)
                    : null;
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    private @Nullable String ofArray(JsonObject of, JsonArray array, String place) {
        String found = outside(of, "minItems", "maxItems", array.size(), place + " has elements:");
        for (int i = 0; i < array.size() && found == null; i++) {
            found = violation(of.getJsonObject("items"), array.getValue(i), place + "[" + i + "]");
        }
        return found;
    }

    private @Nullable String ofString(JsonObject of, String text, String place) {
        String pattern = of.getString("pattern");
        if (pattern != null
                && !patterns.computeIfAbsent(pattern, Pattern::compile)
                        .matcher(text)
                        .matches()) {
            return place + " does not match " + pattern;
        }
        if (NUMBER_64.equals(pattern) && Long.parseUnsignedLong(text) < 0) {
            return place + " is not below 2^63";
        }
        return outside(of, "minLength", "maxLength", text.length(), place + " has characters:");
    }

    private static @Nullable String ofInteger(JsonObject of, long value, String place) {
        long unit = of.getLong("multipleOf", 1L);
        return value % unit == 0
                ? outside(of, "minimum", "maximum", value, place + " is")
                : place + " is no multiple of " + unit;
    }

    private static @Nullable String outside(JsonObject of, String min, String max, long measure, String what) {
        long least = of.getLong(min, Long.MIN_VALUE);
        long most = of.getLong(max, Long.MAX_VALUE);
        return measure >= least && measure <= most
                ? null
                : what + " " + measure + ", allowed from " + least + " to " + most;
    }
}
