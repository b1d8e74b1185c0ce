package org.replicationserver.receiver.protocol;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A member of a frame's body, or an element of an array in it, at which a test changes the full example. */
record BodyMember(FrameType type, List<Object> path) {
    private static final String MARK = "\"@@\"";

    /** All members of all bodies; of an array of objects those of its first. */
    static Stream<BodyMember> all() {
        List<BodyMember> all = new ArrayList<>();
        Bodies.types().forEach(type -> addBelow(all, new BodyMember(type, List.of()), full(type)));
        return all.stream();
    }

    private static void addBelow(List<BodyMember> all, BodyMember at, Object value) {
        switch (value) {
            case JsonObject object -> {
                for (String name : object.fieldNames()) {
                    BodyMember member = at.below(name);
                    all.add(member);
                    addBelow(all, member, object.getValue(name));
                }
            }
            case JsonArray array -> {
                all.add(at.below(0));
                addBelow(all, at.below(0), array.getValue(0));
            }
            default -> {}
        }
    }

    private BodyMember below(Object step) {
        return new BodyMember(
                type, Stream.concat(path.stream(), Stream.of(step)).toList());
    }

    static JsonObject full(FrameType type) {
        return new JsonObject(Bodies.full(type).toJson().toString());
    }

    boolean isElement() {
        return path.getLast() instanceof Integer;
    }

    Object value() {
        return step(holder(full(type)), path.getLast());
    }

    /** The part of the body's schema that describes it. */
    JsonObject describedBy(JsonObject schema) {
        JsonObject at = schema;
        for (Object step : path) {
            at = step instanceof String name
                    ? at.getJsonObject("properties").getJsonObject(name)
                    : at.getJsonObject("items");
        }
        return at;
    }

    private Object holder(JsonObject root) {
        Object at = root;
        for (Object step : path.subList(0, path.size() - 1)) {
            at = step(at, step);
        }
        return at;
    }

    private static Object step(Object at, Object step) {
        return at instanceof JsonObject object
                ? object.getValue((String) step)
                : ((JsonArray) at).getValue((Integer) step);
    }

    /** The example without this. */
    JsonObject removed() {
        JsonObject root = full(type);
        ((JsonObject) holder(root)).remove((String) path.getLast());
        return root;
    }

    /** The example with another value here. */
    JsonObject with(@Nullable Object value) {
        JsonObject root = full(type);
        switch (holder(root)) {
            case JsonObject object -> object.put((String) path.getLast(), value);
            case JsonArray array -> array.set((Integer) path.getLast(), value);
            default -> throw new AssertionError(this);
        }
        return root;
    }

    /** The example as text with these characters here, whatever they are. */
    String withToken(String token) {
        return with("@@").encode().replace(MARK, token);
    }

    /** The example with so many copies of this array's first element; deviceName tells them apart. */
    JsonObject withElements(int count) {
        JsonArray array = new JsonArray();
        for (int i = 0; i < count; i++) {
            Object element = ((JsonArray) value()).copy().getValue(0);
            if (element instanceof JsonObject object && object.containsKey("deviceName")) {
                object.put("deviceName", "disk-" + i);
            }
            array.add(element);
        }
        return with(array);
    }

    static @Nullable ErrorCode refusalOf(FrameType type, String json) {
        try {
            Bodies.parse(type, JsonBody.parse(json.getBytes(StandardCharsets.UTF_8)));
            return null;
        } catch (ProtocolException e) {
            return e.code();
        }
    }

    @Nullable
    ErrorCode refusalOf(JsonObject json) {
        return refusalOf(type, json.encode());
    }

    @Override
    public String toString() {
        return type + " "
                + path.stream()
                        .map(step -> step instanceof String name ? "." + name : "[" + step + "]")
                        .collect(Collectors.joining());
    }

    /** Strings of so many copies of a character. */
    static Stream<String> texts(String character, int... lengths) {
        return IntStream.of(lengths).filter(length -> length >= 0).mapToObj(character::repeat);
    }
}
