package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.log.PeerText;

/**
 * A JSON object of the control API, read member by member: one that is asked for is there, has the right type and is in its range, or
 * there is one sentence that says which is not. What is not asked for is never looked at. A member that is null counts as absent.
 *
 * <p>Confined to one thread.
 */
final class JsonMembers {
    private static final long INTEGER_MAX = (1L << 53) - 1;
    private static final Pattern NUMBER_64 = Pattern.compile("0|[1-9][0-9]{0,18}");
    private static final Pattern INSTANT =
            Pattern.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?Z");

    private final JsonObject json;
    private final String path;

    private JsonMembers(JsonObject json, String path) {
        this.json = json;
        this.path = path;
    }

    static JsonMembers of(JsonObject json) {
        return new JsonMembers(json, "");
    }

    /** The object as it is. */
    JsonObject toJson() {
        return json;
    }

    /** Reads one element of a list. */
    interface Reader<T> {
        T read(JsonMembers element) throws MalformedException;
    }

    boolean has(String name) {
        return json.getValue(name) != null;
    }

    /** Refuses members of other names. */
    void requireOnly(Set<String> known) throws MalformedException {
        for (String name : json.fieldNames()) {
            if (!known.contains(name)) {
                String allowed = known.isEmpty() ? "none here" : String.join(", ", new TreeSet<>(known));
                throw new MalformedException("unknown member " + path + PeerText.value(name) + "; allowed: " + allowed);
            }
        }
    }

    String text(String name, int charsMin, int charsMax) throws MalformedException {
        if (json.getValue(name) instanceof String text && text.length() >= charsMin && text.length() <= charsMax) {
            return text;
        }
        throw refused(name, "a string of " + charsMin + " to " + charsMax + " characters");
    }

    String text(String name, Pattern pattern, String allowed) throws MalformedException {
        if (json.getValue(name) instanceof String text && pattern.matcher(text).matches()) {
            return text;
        }
        throw refused(name, allowed);
    }

    <E extends Enum<E>> E constant(String name, Class<E> type) throws MalformedException {
        return constantOf(name, json.getValue(name), type);
    }

    /** A list of constants, each once. */
    <E extends Enum<E>> List<E> constants(String name, int min, Class<E> type) throws MalformedException {
        List<E> constants = new ArrayList<>();
        for (Object element : array(name, min, type.getEnumConstants().length)) {
            E constant = constantOf(name, element, type);
            if (constants.contains(constant)) {
                throw refused(name, "each of them once");
            }
            constants.add(constant);
        }
        return constants;
    }

    private <E extends Enum<E>> E constantOf(String name, @Nullable Object value, Class<E> type)
            throws MalformedException {
        E[] allowed = type.getEnumConstants();
        for (E constant : allowed) {
            if (constant.name().equals(value)) {
                return constant;
            }
        }
        throw refused(name, "of " + Arrays.toString(allowed));
    }

    long integer(String name, long min, long max) throws MalformedException {
        Object value = json.getValue(name);
        if (value instanceof Integer || value instanceof Long) {
            long number = ((Number) value).longValue();
            if (number >= min && number <= Math.min(max, INTEGER_MAX)) {
                return number;
            }
        }
        throw refused(name, "an integer from " + min + " to " + max);
    }

    boolean bool(String name) throws MalformedException {
        if (json.getValue(name) instanceof Boolean value) {
            return value;
        }
        throw refused(name, "true or false");
    }

    /** A 64-bit number, which is a string of decimal digits on the wire. */
    long number64(String name) throws MalformedException {
        if (json.getValue(name) instanceof String text
                && NUMBER_64.matcher(text).matches()) {
            try {
                return Long.parseLong(text);
            } catch (NumberFormatException e) {
                // falls through to the refusal: at or beyond 2^63
            }
        }
        throw refused(name, "a string of decimal digits below 2^63, without leading zeros");
    }

    Instant instant(String name) throws MalformedException {
        if (json.getValue(name) instanceof String text && INSTANT.matcher(text).matches()) {
            try {
                return Instant.parse(text);
            } catch (DateTimeException e) {
                // falls through to the refusal: no such day or hour
            }
        }
        throw refused(name, "an instant as 2026-11-25T08:00:00Z");
    }

    JsonMembers object(String name) throws MalformedException {
        if (json.getValue(name) instanceof JsonObject object) {
            return new JsonMembers(object, path + name + ".");
        }
        throw refused(name, "an object");
    }

    /** The object, or one without members if there is none. */
    JsonMembers objectOrEmpty(String name) throws MalformedException {
        return has(name) ? object(name) : new JsonMembers(new JsonObject(), path + name + ".");
    }

    /** The strings of a list, each of which must match. */
    List<String> texts(String name, int min, int max, Pattern pattern, String allowed) throws MalformedException {
        List<String> texts = new ArrayList<>();
        for (Object element : array(name, min, max)) {
            if (!(element instanceof String text) || !pattern.matcher(text).matches()) {
                throw refused(name + "[" + texts.size() + "]", element, allowed);
            }
            texts.add(text);
        }
        return texts;
    }

    <T> List<T> objects(String name, int min, int max, Reader<T> reader) throws MalformedException {
        List<T> values = new ArrayList<>();
        for (Object element : array(name, min, max)) {
            String place = name + "[" + values.size() + "]";
            if (!(element instanceof JsonObject object)) {
                throw refused(place, element, "an object");
            }
            values.add(reader.read(new JsonMembers(object, path + place + ".")));
        }
        return values;
    }

    /** All members of the object, which must be strings. */
    Map<String, String> textMembers(int membersMax, int charsMax) throws MalformedException {
        if (json.size() > membersMax) {
            throw new MalformedException(path + " has " + json.size() + " members; allowed: " + membersMax);
        }
        Map<String, String> members = new LinkedHashMap<>();
        for (String name : json.fieldNames()) {
            members.put(name, text(name, 0, charsMax));
        }
        return members;
    }

    /** The elements of a list as they are. */
    JsonArray array(String name, int min, int max) throws MalformedException {
        if (json.getValue(name) instanceof JsonArray array && array.size() >= min && array.size() <= max) {
            return array;
        }
        throw refused(name, max == Integer.MAX_VALUE ? "a list" : "a list of " + min + " to " + max + " elements");
    }

    /** What to throw for a value that breaks a rule which is not of its form. */
    MalformedException refused(String name, String allowed) {
        return refused(name, json.getValue(name), allowed);
    }

    private MalformedException refused(String name, @Nullable Object value, String allowed) {
        String what = value == null ? " is missing" : "=" + describe(value);
        return new MalformedException(path + PeerText.value(name) + what + "; allowed: " + allowed);
    }

    private static String describe(Object value) {
        return switch (value) {
            case JsonObject _ -> "(an object)";
            case JsonArray array -> "(a list of " + array.size() + ")";
            default -> PeerText.value(value);
        };
    }
}
