package org.replicationserver.controlplane;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.core.json.pointer.JsonPointer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** The document of the control API: its operations, and where their schemas are. Immutable, any thread. */
public final class ControlApi {
    private static final String RESOURCE = "/control-api/openapi.yaml";
    private static final String REF = "$ref";
    private static final String JSON = "application/json";

    /**
     * A header that a request or an answer may carry.
     *
     * @param name in lower case
     */
    record Header(String name, boolean required, JsonObject schema) {}

    /**
     * What a request or an answer is made of.
     *
     * @param schema the name of its body's schema
     * @param examples by their names
     */
    record Message(String schema, List<Header> headers, Map<String, JsonObject> examples) {}

    /**
     * An operation.
     *
     * @param answers by status
     */
    record Operation(String name, Message request, Map<Integer, Message> answers) {}

    private final JsonObject document;
    private final Map<String, Operation> operations;

    private ControlApi(JsonObject document) {
        this.document = document;
        this.operations = operations(document);
    }

    /** The document that is on the class path. */
    public static ControlApi load() {
        try (InputStream in = ControlApi.class.getResourceAsStream(RESOURCE)) {
            Objects.requireNonNull(in, RESOURCE);
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            Object loaded = new Load(LoadSettings.builder().build()).loadFromString(text);
            return new ControlApi(toJson((Map<?, ?>) loaded));
        } catch (IOException e) {
            throw new UncheckedIOException(RESOURCE, e);
        }
    }

    /** By name, in the document's order. */
    public List<String> operationNames() {
        return List.copyOf(operations.keySet());
    }

    @Nullable
    Operation operation(String name) {
        return operations.get(name);
    }

    JsonObject schema(String name) {
        return document.getJsonObject("components").getJsonObject("schemas").getJsonObject(name);
    }

    /** A copy of the whole. */
    JsonObject document() {
        return document.copy();
    }

    private static Map<String, Operation> operations(JsonObject document) {
        Map<String, Operation> found = new LinkedHashMap<>();
        JsonObject paths = document.getJsonObject("paths");
        for (String path : paths.fieldNames()) {
            JsonObject post = paths.getJsonObject(path).getJsonObject("post");
            String name = post.getString("operationId");
            if (!path.equals("/" + name)) {
                throw new IllegalStateException(RESOURCE + ": " + path + ": operationId: " + name);
            }
            Map<Integer, Message> answers = new TreeMap<>();
            JsonObject responses = post.getJsonObject("responses");
            for (String status : responses.fieldNames()) {
                JsonObject response = resolve(document, responses.getJsonObject(status));
                answers.put(Integer.valueOf(status), message(document, response, answerHeaders(document, response)));
            }
            Message request = message(document, post.getJsonObject("requestBody"), requestHeaders(document, post));
            found.put(name, new Operation(name, request, Map.copyOf(answers)));
        }
        return found;
    }

    private static Message message(JsonObject document, JsonObject holder, List<Header> headers) {
        JsonObject content = holder.getJsonObject("content").getJsonObject(JSON);
        String reference = content.getJsonObject("schema").getString(REF);
        JsonObject examples = content.getJsonObject("examples");
        Map<String, JsonObject> values = new LinkedHashMap<>();
        for (String example : examples.fieldNames()) {
            values.put(
                    example, resolve(document, examples.getJsonObject(example)).getJsonObject("value"));
        }
        return new Message(reference.substring(reference.lastIndexOf('/') + 1), headers, values);
    }

    private static List<Header> requestHeaders(JsonObject document, JsonObject post) {
        List<Header> headers = new ArrayList<>();
        for (Object entry : post.getJsonArray("parameters")) {
            JsonObject parameter = resolve(document, (JsonObject) entry);
            headers.add(header(document, parameter.getString("name"), parameter));
        }
        return headers;
    }

    private static List<Header> answerHeaders(JsonObject document, JsonObject response) {
        List<Header> headers = new ArrayList<>();
        JsonObject given = response.getJsonObject("headers");
        for (String name : given.fieldNames()) {
            headers.add(header(document, name, resolve(document, given.getJsonObject(name))));
        }
        return headers;
    }

    private static Header header(JsonObject document, String name, JsonObject definition) {
        return new Header(
                name.toLowerCase(Locale.ROOT),
                definition.getBoolean("required", false),
                resolve(document, definition.getJsonObject("schema")));
    }

    /** What a reference inside the document refers to; anything else as it is. */
    private static JsonObject resolve(JsonObject document, JsonObject value) {
        String reference = value.getString(REF);
        if (reference == null) {
            return value;
        }
        JsonObject found = (JsonObject) JsonPointer.from(reference.substring(1)).queryJson(document);
        return Objects.requireNonNull(found, reference);
    }

    private static JsonObject toJson(Map<?, ?> map) {
        JsonObject object = new JsonObject();
        map.forEach((name, value) -> object.put(String.valueOf(name), toJsonValue(value)));
        return object;
    }

    private static @Nullable Object toJsonValue(@Nullable Object value) {
        return switch (value) {
            case Map<?, ?> map -> toJson(map);
            case List<?> list -> {
                JsonArray array = new JsonArray();
                list.forEach(element -> array.add(toJsonValue(element)));
                yield array;
            }
            case null, default -> value;
        };
    }
}
