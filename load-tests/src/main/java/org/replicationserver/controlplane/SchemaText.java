package org.replicationserver.controlplane;

import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Says in words what a schema allows. Any thread. */
final class SchemaText {
    private SchemaText() {}

    /** In words, like "integer from 1 to 9, a multiple of 3". */
    static String of(JsonObject schema) {
        List<String> parts = new ArrayList<>();
        parts.add(type(schema));
        addRange(parts, schema, "from ", "minimum", "maximum", "");
        addRange(parts, schema, "of ", "minLength", "maxLength", " characters");
        addRange(parts, schema, "of ", "minItems", "maxItems", " elements");
        addRange(parts, schema, "of ", "minProperties", "maxProperties", " members");
        if (schema.containsKey("multipleOf")) {
            parts.add("a multiple of " + schema.getValue("multipleOf"));
        }
        if (schema.containsKey("pattern")) {
            parts.add("like " + schema.getString("pattern"));
        }
        if (schema.containsKey("format")) {
            parts.add(schema.getString("format"));
        }
        return parts.stream().filter(part -> !part.isEmpty()).collect(Collectors.joining(", "));
    }

    private static String type(JsonObject schema) {
        if (schema.containsKey("const")) {
            return String.valueOf(schema.getValue("const"));
        }
        if (schema.containsKey("enum")) {
            return "one of "
                    + schema.getJsonArray("enum").stream().map(String::valueOf).collect(Collectors.joining(", "));
        }
        return schema.containsKey("type") ? String.valueOf(schema.getValue("type")) : "";
    }

    private static void addRange(
            List<String> parts, JsonObject schema, String before, String min, String max, String after) {
        boolean hasMin = schema.containsKey(min);
        boolean hasMax = schema.containsKey(max);
        if (hasMin && hasMax) {
            parts.add(before + schema.getValue(min) + " to " + schema.getValue(max) + after);
        } else if (hasMin) {
            parts.add("at least " + schema.getValue(min) + after);
        } else if (hasMax) {
            parts.add("at most " + schema.getValue(max) + after);
        }
    }

    /** The number that a header's text is; the text itself if it is none. */
    static Object toInteger(String text) {
        try {
            return Long.valueOf(text);
        } catch (NumberFormatException e) {
            return text;
        }
    }
}
