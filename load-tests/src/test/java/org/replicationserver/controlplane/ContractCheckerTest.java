package org.replicationserver.controlplane;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.core.json.pointer.JsonPointer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.replicationserver.controlplane.ControlApi.Message;
import org.replicationserver.controlplane.ControlApi.Operation;
import org.replicationserver.receiver.replication.ExplanationCode;
import org.replicationserver.receiver.replication.InitiationStepName;
import org.replicationserver.receiver.replication.LagStage;

/** The document's own examples are valid, and whatever is changed in them is found. */
final class ContractCheckerTest {
    private static final ControlApi API = ControlApi.load();
    private static final int OK = 200;
    private static final ContractChecker CHECKER = new ContractChecker(API);

    record Example(String operation, int status, String name, JsonObject body) {
        private static final int REQUEST = 0;
        private static final Map<String, String> HEADERS =
                Map.of("x-amzn-requestid", "1", "x-amzn-errortype", "ConflictException");

        List<ContractViolation> check(JsonObject changed) {
            return status == REQUEST
                    ? CHECKER.checkRequest(operation, header -> null, changed)
                    : CHECKER.checkAnswer(operation, status, HEADERS::get, changed);
        }

        JsonArray required() {
            Operation known = Objects.requireNonNull(API.operation(operation));
            Message message = status == REQUEST
                    ? known.request()
                    : Objects.requireNonNull(known.answers().get(status));
            return API.schema(message.schema()).getJsonArray("required", new JsonArray());
        }

        @Override
        public String toString() {
            return operation + " " + status + " " + name;
        }
    }

    static Stream<Example> examples() {
        List<Example> examples = new ArrayList<>();
        for (String name : API.operationNames()) {
            Operation operation = Objects.requireNonNull(API.operation(name));
            add(examples, name, Example.REQUEST, operation.request());
            // Errors are the same of all operations.
            operation.answers().forEach((status, answer) -> {
                if (status == OK || examples.stream().noneMatch(example -> example.status() == status)) {
                    add(examples, name, status, answer);
                }
            });
        }
        return examples.stream();
    }

    private static void add(List<Example> examples, String operation, int status, Message message) {
        assertThat(message.examples()).as(operation + " " + status).isNotEmpty();
        message.examples().forEach((name, body) -> examples.add(new Example(operation, status, name, body)));
    }

    @ParameterizedTest
    @MethodSource("examples")
    void eachExampleOfTheDocumentIsValid(Example example) {
        assertThat(example.check(example.body())).isEmpty();
    }

    private static List<JsonObject> objects(JsonObject in, String pointer) {
        JsonArray array = (JsonArray) JsonPointer.from(pointer).queryJson(in);
        return array == null
                ? List.of()
                : array.stream().map(JsonObject.class::cast).toList();
    }

    private static List<String> texts(List<JsonObject> objects, String member) {
        return objects.stream().map(object -> object.getString(member)).toList();
    }

    private static <E extends Enum<E>> List<String> names(E[] values) {
        return Stream.of(values).map(Enum::name).toList();
    }

    /** What is open in the schema is in the examples as this server sends it. */
    @ParameterizedTest
    @MethodSource("examples")
    void eachExampleOfTheDocumentHasNamesThatThisServerSends(Example example) {
        String info = "/dataReplicationInfo";
        List<JsonObject> steps = objects(example.body(), info + "/dataReplicationInitiation/steps");
        assertThat(texts(steps, "name")).isIn(List.of(), names(InitiationStepName.values()));
        assertThat(texts(objects(example.body(), info + "/detail/lagAttribution"), "stage"))
                .isSubsetOf(names(LagStage.values()));
        assertThat(texts(objects(example.body(), info + "/detail/explanations"), "code"))
                .isSubsetOf(names(ExplanationCode.values()));
        assertThat(texts(objects(example.body(), "/records"), "logger")).allMatch(name -> name.matches("[A-Za-z]+"));
        assertThat(texts(objects(example.body(), "/metrics"), "name")).isSubsetOf("CPUUtilization", "VolumeWriteBytes");
    }

    @ParameterizedTest
    @MethodSource("examples")
    void eachMemberIsCheckedInEachExample(Example example) {
        forEachMember(example.body(), "", (pointer, value) -> {
            // Free forms: what is in them is up to the one who sends it.
            if (pointer.contains("/facts/") || pointer.endsWith("/parameters")) {
                return;
            }
            JsonObject changed = example.body().copy();
            Object wrong = value instanceof JsonObject ? "text" : new JsonObject();
            JsonPointer.from(pointer).writeJson(changed, wrong);
            assertThat(example.check(changed))
                    .extracting(ContractViolation::toString)
                    .as(pointer)
                    .anyMatch(violation -> violation.startsWith(example.operation() + " ")
                            && violation.contains(" " + pointer + ": ")
                            && violation.contains("; allowed: "));
        });
    }

    @ParameterizedTest
    @MethodSource("examples")
    void eachRequiredMemberIsMissed(Example example) {
        for (Object name : example.required()) {
            JsonObject changed = example.body().copy();
            changed.remove((String) name);
            assertThat(example.check(changed))
                    .extracting(ContractViolation::place)
                    .as("without " + name)
                    .contains("/" + name);
        }
    }

    @ParameterizedTest
    @MethodSource("examples")
    void anUnknownMemberIsFoundWhereverTheMembersAreNamed(Example example) {
        if (example.body().isEmpty()) {
            return;
        }
        JsonObject changed = example.body().copy().put("nobodyKnows", 1);
        assertThat(example.check(changed)).singleElement().satisfies(violation -> {
            assertThat(violation.place()).isEqualTo("/nobodyKnows");
            assertThat(violation.problem()).isEqualTo("unknown member");
            assertThat(violation.allowed())
                    .contains(example.body().fieldNames().iterator().next());
        });
    }

    private interface MemberVisitor {
        void visit(String pointer, @Nullable Object value);
    }

    private static void forEachMember(Object value, String pointer, MemberVisitor visitor) {
        if (value instanceof JsonObject object) {
            for (String name : object.fieldNames()) {
                visitor.visit(pointer + "/" + name, object.getValue(name));
                forEachMember(object.getValue(name), pointer + "/" + name, visitor);
            }
        } else if (value instanceof JsonArray array && !array.isEmpty()) {
            forEachMember(array.getValue(0), pointer + "/0", visitor);
        }
    }

    private static JsonObject request(String operation, String example) {
        Operation known = Objects.requireNonNull(API.operation(operation));
        return Objects.requireNonNull(known.request().examples().get(example)).copy();
    }

    private static List<String> violations(String operation, JsonObject body) {
        return CHECKER.checkRequest(operation, header -> null, body).stream()
                .map(ContractViolation::toString)
                .toList();
    }

    @Test
    void aMissingMemberIsNamedWithItsPlace() {
        JsonObject body = request("NotifyAgentConnectedForMgn", "connected");
        body.getJsonObject("event").remove("sequence");
        body.remove("generation");
        assertThat(violations("NotifyAgentConnectedForMgn", body))
                .containsExactlyInAnyOrder(
                        "NotifyAgentConnectedForMgn request /event/sequence: missing; allowed: present, required",
                        "NotifyAgentConnectedForMgn request /generation: missing; allowed: present, required");
    }

    @Test
    void aNumberOutOfRangeIsToldWithTheRange() {
        JsonObject body = request("GetChannelCommandsForMgn", "longPoll").put("waitSeconds", 21);
        assertThat(violations("GetChannelCommandsForMgn", body))
                .containsExactly("GetChannelCommandsForMgn request /waitSeconds: 21 is greater than 20;"
                        + " allowed: integer, from 0 to 20, int32");
    }

    @Test
    void aWrongEnumerationValueIsToldWithAllThatAreAllowed() {
        JsonObject body = request("SendChannelCommandResultForMgn", "paired").put("status", "DONE");
        assertThat(violations("SendChannelCommandResultForMgn", body))
                .singleElement()
                .asString()
                .contains("/status: ", "allowed: one of SUCCEEDED, FAILED, INVALID, NOT_SUPPORTED, EXPIRED");
    }

    @ParameterizedTest
    @CsvSource({
        "511, false",
        "512, false",
        "1048576, true",
        "1049087, false",
        "1049088, true",
        "70368744177664, true",
        "70368744178176, false"
    })
    void aDiskHasWholeSectorsFrom1MibTo64Tib(long sizeBytes, boolean valid) {
        JsonObject body = request("RegisterAgentForMgn", "register");
        body.getJsonArray("disks").getJsonObject(0).put("sizeBytes", sizeBytes);
        assertThat(violations("RegisterAgentForMgn", body).isEmpty()).isEqualTo(valid);
    }

    @Test
    void onlyPeriodicProgressHasNoEvent() {
        JsonObject periodic = request("NotifyAgentReplicationProgressForMgn", "periodic");
        assertThat(violations(
                        "NotifyAgentReplicationProgressForMgn", periodic.copy().put("cause", "FIRST_BYTE")))
                .singleElement()
                .asString()
                .contains("/event: missing");
        JsonObject event =
                request("NotifyAgentReplicationProgressForMgn", "committed").getJsonObject("event");
        assertThat(violations("NotifyAgentReplicationProgressForMgn", periodic.put("event", event)))
                .isNotEmpty();
    }

    @ParameterizedTest
    @CsvSource({"COMMITTED", "SESSION", "RESCAN_NEEDED"})
    void aCommitASessionAndANeededRescanComeWithTheRecord(String cause) {
        JsonObject body =
                request("NotifyAgentReplicationProgressForMgn", "committed").put("cause", cause);
        body.remove("record");
        assertThat(violations("NotifyAgentReplicationProgressForMgn", body))
                .singleElement()
                .asString()
                .contains("/record: missing");
    }

    @Test
    void whatACommandNeedsDependsOnItsType() {
        JsonObject commands = examples()
                .filter(example -> example.name().equals("REOPEN_VOLUME"))
                .findFirst()
                .orElseThrow()
                .body();
        JsonObject command = commands.getJsonArray("commands").getJsonObject(0).copy();
        assertThat(CHECKER.checkSchema("Command", command)).isEmpty();
        command.remove("parameters");
        assertThat(CHECKER.checkSchema("Command", command))
                .singleElement()
                .extracting(ContractViolation::place)
                .isEqualTo("/parameters");
        assertThat(CHECKER.checkSchema("Command", command.put("type", "A_NEWER_ONE")))
                .isEmpty();
    }

    @Test
    void headersAreCheckedToo() {
        Function<String, @Nullable String> wrong = Map.of("amz-sdk-request", "attempt=0; max=3")::get;
        assertThat(CHECKER.checkRequest(
                        "GetChannelCommandsForMgn", wrong, request("GetChannelCommandsForMgn", "longPoll")))
                .singleElement()
                .extracting(ContractViolation::place)
                .isEqualTo("header amz-sdk-request");
        JsonObject nothing = new JsonObject();
        assertThat(CHECKER.checkAnswer("RegisterAgentForMgn", 200, header -> null, nothing))
                .singleElement()
                .extracting(ContractViolation::toString)
                .asString()
                .startsWith("RegisterAgentForMgn answer 200 header x-amzn-requestid: missing");
    }

    @Test
    void anUnknownOperationOrStatusIsAViolation() {
        assertThat(violations("MakeCoffee", new JsonObject()))
                .singleElement()
                .asString()
                .contains("no such operation");
        assertThat(CHECKER.checkAnswer("RegisterAgentForMgn", 418, header -> "1", new JsonObject()))
                .hasSize(1);
    }
}
