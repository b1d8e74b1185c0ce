package org.replicationserver.receiver;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.conditions.ArchConditions;
import java.util.stream.Stream;
import org.replicationserver.receiver.protocol.JsonBody;

/** The direction of dependencies between the packages of the receiver, as ARCHITECTURE.md draws it. */
@AnalyzeClasses(packages = "org.replicationserver", importOptions = ImportOption.DoNotIncludeTests.class)
class PackagesTest {
    private static final String BASE = "org.replicationserver.receiver.";
    private static final String JDK = "java..";
    private static final String NULL_MARKS = "org.jspecify..";

    @ArchTest
    static final ArchRule PROTOCOL_KNOWS_ONLY_ITSELF =
            uses("protocol", JDK, NULL_MARKS, "com.fasterxml.jackson.core..", BASE + "protocol..");

    @ArchTest
    static final ArchRule SESSION_HAS_NO_IO =
            uses("session", JDK, NULL_MARKS, BASE + "protocol..", BASE + "session..", "org.replicationserver.volume..");

    @ArchTest
    static final ArchRule SESSION_OPENS_NOTHING = noClasses()
            .that()
            .resideInAPackage(BASE + "session..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("java.net..", "java.nio.channels..", "java.io..", "java.lang.foreign..")
            .orShould()
            .dependOnClassesThat()
            .belongToAnyOf(Thread.class, java.nio.file.Files.class);

    @ArchTest
    static final ArchRule REPLICATION_KNOWS_RECORDS_ONLY = uses(
            "replication",
            JDK,
            NULL_MARKS,
            BASE + "protocol..",
            BASE + "session..",
            BASE + "replication..",
            "org.replicationserver.volume..");

    @ArchTest
    static final ArchRule REPLICATION_IS_PURE = noClasses()
            .that()
            .resideInAPackage(BASE + "replication..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("java.net..", "java.nio..", "java.io..", "java.util.concurrent..")
            .orShould()
            .dependOnClassesThat()
            .belongToAnyOf(Thread.class, java.time.Clock.class, JsonBody.class)
            .orShould()
            .callMethod(System.class, "nanoTime")
            .orShould()
            .callMethod(System.class, "currentTimeMillis")
            .orShould()
            .callMethod(java.time.Instant.class, "now");

    @ArchTest
    static final ArchRule LISTENER_KNOWS_SESSIONS_AND_NOT_THE_SERVER =
            knowsNothingOf("listener", "status", "config", "control", "server", "tool");

    @ArchTest
    static final ArchRule STAGING_KNOWS_DEVICES_ONLY =
            uses("staging", JDK, NULL_MARKS, "org.slf4j..", BASE + "staging..", "org.replicationserver.volume..");

    @ArchTest
    static final ArchRule SESSIONS_DO_NOT_LOOK_FOR_DEVICES = noClasses()
            .that()
            .resideInAnyPackage(
                    BASE + "session..", BASE + "replication..", BASE + "listener..", BASE + "aws..", BASE + "control..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage(BASE + "staging..");

    @ArchTest
    static final ArchRule STATUS_LISTENS_ONLY = knowsNothingOf("status", "config", "control", "server", "tool");

    @ArchTest
    static final ArchRule CONFIG_MAKES_RECORDS_ONLY = knowsNothingOf("config", "status", "control", "server", "tool");

    @ArchTest
    static final ArchRule CONTROL_KNOWS_NOTHING_OF_THE_DATA_PATH =
            knowsNothingOf("control", "listener", "server", "tool");

    @ArchTest
    static final ArchRule AWS_IS_FOR_CLIENTS = knowsNothingOf(
            "aws",
            "protocol",
            "session",
            "listener",
            "replication",
            "status",
            "control",
            "server",
            "tool",
            "preflight");

    @ArchTest
    static final ArchRule PREFLIGHT_LOOKS_FROM_OUTSIDE =
            knowsNothingOf("preflight", "protocol", "listener", "replication", "status", "control", "server", "tool");

    @ArchTest
    static final ArchRule SNAPSHOTS_ARE_MADE_WITHOUT_KNOWING_FOR_WHOM =
            knowsNothingOf("snapshot", "protocol", "listener", "status", "control", "server", "tool");

    @ArchTest
    static final ArchRule ONLY_THE_SERVER_MAKES_SNAPSHOTS = noClasses()
            .that()
            .resideOutsideOfPackages(BASE + "snapshot..", BASE + "server..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage(BASE + "snapshot..");

    @ArchTest
    static final ArchRule SOFTWARE_KNOWS_NOTHING_OF_REPLICATION = knowsNothingOf(
            "software", "protocol", "session", "listener", "replication", "status", "control", "server", "tool");

    @ArchTest
    static final ArchRule ONLY_CLIENTS_KNOW_THE_CLOUD = noClasses()
            .that()
            .resideOutsideOfPackages(BASE + "aws..", BASE + "control..", BASE + "snapshot..", BASE + "software..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("software.amazon.awssdk..", "java.net.http..");

    @ArchTest
    static final ArchRule LOG_KNOWS_NOTHING_OF_THE_PRODUCT =
            knowsNothingOf("log", "protocol", "session", "listener", "status", "config", "server", "tool");

    @ArchTest
    static final ArchRule TOOLS_KNOW_THE_PROTOCOL_ONLY =
            knowsNothingOf("tool", "session", "listener", "status", "config", "control", "server");

    @ArchTest
    static final ArchRule NOBODY_PRINTS_BEHIND_THE_LOG =
            noClasses().that().resideInAPackage(BASE + ".").should(ArchConditions.accessField(System.class, "out"));

    private static ArchRule knowsNothingOf(String name, String... others) {
        return noClasses()
                .that()
                .resideInAPackage(BASE + name + "..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        Stream.of(others).map(other -> BASE + other + "..").toArray(String[]::new));
    }

    private static ArchRule uses(String name, String... allowed) {
        return classes()
                .that()
                .resideInAPackage(BASE + name + "..")
                .should()
                .onlyDependOnClassesThat(JavaClass.Predicates.resideInAnyPackage(allowed));
    }
}
