package org.replicationserver.controlplane;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.core.json.pointer.JsonPointer;
import io.vertx.json.schema.Draft;
import io.vertx.json.schema.JsonSchema;
import io.vertx.json.schema.JsonSchemaOptions;
import io.vertx.json.schema.OutputFormat;
import io.vertx.json.schema.OutputUnit;
import io.vertx.json.schema.SchemaRepository;
import io.vertx.json.schema.Validator;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.replicationserver.controlplane.ControlApi.Header;
import org.replicationserver.controlplane.ControlApi.Message;
import org.replicationserver.controlplane.ControlApi.Operation;

/**
 * Compares requests and answers with the document of the control API. Any thread, one at a time.
 *
 * <p>Stricter than a peer may be: a member that the document does not name is a violation here, since it is a misspelled one more
 * often than a newer one.
 */
public final class ContractChecker {
    private static final String BASE = "app://control-api/openapi";
    private static final String SCHEMAS = "#/components/schemas/";
    private static final String UNKNOWN_MEMBERS = "unevaluatedProperties";
    private static final String ONE_OF_THE_DOCUMENT = "one that the document names";

    private final ControlApi api;
    private final JsonObject strict;
    private final SchemaRepository repository;

    // under the lock of this
    private final Map<String, Validator> validators = new HashMap<>();

    public ContractChecker(ControlApi api) {
        this.api = api;
        this.strict = strict(api.document());
        this.repository = SchemaRepository.create(new JsonSchemaOptions()
                .setBaseUri("app://control-api")
                .setDraft(Draft.DRAFT202012)
                .setOutputFormat(OutputFormat.Basic));
        repository.dereference(BASE, JsonSchema.of(BASE, strict.copy()));
    }

    /** Each schema of the document that lists its members refuses all others. */
    private static JsonObject strict(JsonObject document) {
        JsonObject schemas = document.getJsonObject("components").getJsonObject("schemas");
        for (String name : schemas.fieldNames()) {
            JsonObject schema = schemas.getJsonObject(name);
            if (schema.containsKey("properties") && !schema.containsKey("additionalProperties")) {
                schema.put(UNKNOWN_MEMBERS, false);
            }
        }
        return document;
    }

    boolean knows(String operation) {
        return api.operation(operation) != null;
    }

    /** What is wrong with a request; nothing if it is as the document says. */
    public List<ContractViolation> checkRequest(
            String operation, Function<String, @Nullable String> headers, JsonObject body) {
        Operation known = api.operation(operation);
        if (known == null) {
            return List.of(new ContractViolation(
                    operation,
                    "request",
                    "",
                    "no such operation",
                    api.operationNames().toString()));
        }
        return check(operation, "request", known.request(), headers, body);
    }

    /** What is wrong with an answer; nothing if it is as the document says. */
    public List<ContractViolation> checkAnswer(
            String operation, int status, Function<String, @Nullable String> headers, JsonObject body) {
        Operation known = api.operation(operation);
        Message answer = known == null ? null : known.answers().get(status);
        if (answer == null) {
            return List.of(new ContractViolation(operation, "answer", "", "status " + status, ONE_OF_THE_DOCUMENT));
        }
        return check(operation, "answer " + status, answer, headers, body);
    }

    /** What is wrong with a part of a request or an answer, by its schema's name. */
    List<ContractViolation> checkSchema(String schema, Object value) {
        return new Check(schema, "value").run(schema, value);
    }

    private List<ContractViolation> check(
            String operation,
            String part,
            Message message,
            Function<String, @Nullable String> headers,
            JsonObject body) {
        Check check = new Check(operation, part);
        List<ContractViolation> violations = new ArrayList<>(check.run(message.schema(), body));
        for (Header header : message.headers()) {
            String value = headers.apply(header.name());
            if (value != null) {
                violations.addAll(check.runHeader(header, value));
            } else if (header.required()) {
                violations.add(check.violation("header " + header.name(), "missing", SchemaText.of(header.schema())));
            }
        }
        return violations;
    }

    private synchronized OutputUnit validate(String schema, Object value) {
        Validator validator = validators.computeIfAbsent(
                schema,
                name -> repository.validator(JsonSchema.of(
                        new JsonObject().put("$id", "app://control-api/" + name).put("$ref", BASE + SCHEMAS + name))));
        return validator.validate(value);
    }

    /** One look at one message. */
    private final class Check {
        private final String operation;
        private final String part;

        Check(String operation, String part) {
            this.operation = operation;
            this.part = part;
        }

        ContractViolation violation(String place, String problem, String allowed) {
            return new ContractViolation(operation, part, place, problem, allowed);
        }

        List<ContractViolation> run(String schema, Object body) {
            OutputUnit outcome = validate(schema, body);
            if (Boolean.TRUE.equals(outcome.getValid())) {
                return List.of();
            }
            // The first at a place says enough: what is no string is none of an enumeration either.
            Map<String, ContractViolation> byPlace = new LinkedHashMap<>();
            for (OutputUnit error : leaves(Objects.requireNonNullElse(outcome.getErrors(), List.of()))) {
                violations(error, body).forEach(found -> byPlace.putIfAbsent(found.place(), found));
            }
            return List.copyOf(byPlace.values());
        }

        List<ContractViolation> runHeader(Header header, String value) {
            Object typed =
                    header.schema().getString("type", "").equals("integer") ? SchemaText.toInteger(value) : value;
            OutputUnit outcome = Validator.create(
                            JsonSchema.of(header.schema().copy()),
                            new JsonSchemaOptions().setBaseUri("app://header").setDraft(Draft.DRAFT202012))
                    .validate(typed);
            return Boolean.TRUE.equals(outcome.getValid())
                    ? List.of()
                    : List.of(
                            violation("header " + header.name(), "\"" + value + "\"", SchemaText.of(header.schema())));
        }

        private List<ContractViolation> violations(OutputUnit error, Object body) {
            String place = pointer(error.getInstanceLocation());
            String location = pointer(error.getAbsoluteKeywordLocation());
            JsonObject holder = holder(location);
            if (location.endsWith("/required")) {
                return missing(place, holder, body);
            }
            if (location.endsWith("/" + UNKNOWN_MEMBERS)) {
                Set<String> members = holder.getJsonObject("properties").fieldNames();
                return List.of(violation(place, "unknown member", "one of " + String.join(", ", members)));
            }
            String problem = String.valueOf(error.getError());
            return List.of(violation(place, problem, SchemaText.of(holder)));
        }

        private List<ContractViolation> missing(String place, JsonObject holder, Object body) {
            Object value = place.isEmpty() ? body : JsonPointer.from(place).queryJson(body);
            JsonArray required = holder.getJsonArray("required");
            return required.stream()
                    .map(String.class::cast)
                    .filter(name -> !(value instanceof JsonObject object && object.containsKey(name)))
                    .map(name -> violation(place + "/" + name, "missing", "present, required"))
                    .toList();
        }
    }

    /** Errors that no other error explains: not those of the schemas around it. */
    private static List<OutputUnit> leaves(List<OutputUnit> errors) {
        return errors.stream()
                .filter(error -> errors.stream().noneMatch(other -> explains(other, error)))
                .toList();
    }

    private static boolean explains(OutputUnit inner, OutputUnit error) {
        String keyword = error.getKeywordLocation();
        if (inner.getKeywordLocation().startsWith(keyword + "/")) {
            return true;
        }
        // A member that is wrong counts as unknown too.
        boolean unknown = keyword.endsWith("/" + UNKNOWN_MEMBERS);
        boolean innerUnknown = inner.getKeywordLocation().endsWith("/" + UNKNOWN_MEMBERS);
        String place = error.getInstanceLocation();
        String innerPlace = inner.getInstanceLocation();
        return unknown && !innerUnknown && (innerPlace.equals(place) || innerPlace.startsWith(place + "/"));
    }

    /** The schema that has the keyword. */
    private JsonObject holder(String location) {
        String schema = location.substring(0, Math.max(0, location.lastIndexOf('/')));
        Object found = schema.isEmpty() ? strict : JsonPointer.from(schema).queryJson(strict);
        return found instanceof JsonObject object ? object : new JsonObject();
    }

    private static String pointer(@Nullable String location) {
        String fragment = Objects.requireNonNullElse(location, "#");
        return fragment.substring(fragment.indexOf('#') + 1);
    }
}
