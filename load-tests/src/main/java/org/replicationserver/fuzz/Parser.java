package org.replicationserver.fuzz;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.replicationserver.agent.PairingAnswers;
import org.replicationserver.agent.ServerFrames;
import org.replicationserver.receiver.AdminAnswers;
import org.replicationserver.receiver.control.ControlAnswers;
import org.replicationserver.receiver.control.KeptRecords;
import org.replicationserver.receiver.control.OutboxFiles;
import org.replicationserver.receiver.server.AdminPaths;
import org.replicationserver.receiver.software.S3Answers;
import org.replicationserver.receiver.software.SoftwareRecords;
import org.replicationserver.receiver.staging.VolumePages;

/** What is fuzzed. */
@SuppressWarnings("ImmutableEnumChecker") // its list and functions hold nothing that changes
public enum Parser {
    FRAMES("one direction of a connection", 4096, List.of(Libraries.JSON), _ -> new FrameStreams()),
    FRAME_BODY("the body of a frame", 4096, List.of(Libraries.JSON), _ -> new FrameBody()),
    LZ4_BLOCK("the payload of a block", 1024, List.of(Libraries.LZ4), _ -> new Lz4Blocks()),
    CONFIGURATION(
            "the configuration file, the environment, --set", 4096, List.of(Libraries.YAML), ConfigurationFiles::new),
    ASSIGNMENTS("the assignments file", 4096, List.of(Libraries.YAML), AssignmentFiles::new),
    CERTIFICATES("certificates, keys and pins", 4096, List.of(Libraries.PEM, Libraries.X509), Certificates::new),
    CAPTURED_STREAM("a captured stream, as decode reads it", 4096, List.of(Libraries.JSON), CapturedStreams::new),
    CONTROL_ANSWERS(
            "answers of the control plane with their headers, commands among them",
            4096,
            List.of(Libraries.JSON, Libraries.VERTX_JSON),
            _ -> new ControlAnswers()),
    STATE_RECORDS(
            "records of the state directory", 4096, List.of(Libraries.JSON, Libraries.VERTX_JSON), KeptRecords::new),
    OUTBOX("the files of the outbox", 4096, List.of(Libraries.VERTX_JSON), OutboxFiles::new),
    SOFTWARE(
            "trusted.json, allow-list, addresses, versions",
            4096,
            List.of(Libraries.JSON, Libraries.VERTX_JSON),
            SoftwareRecords::new),
    S3_ANSWERS("answers of S3, hashes and signatures", 8192, List.of(), S3Answers::new),
    VOLUME_PAGES("pages and numbers of NVMe devices", 1024, List.of(), _ -> new VolumePages()),
    INSTANCE_METADATA(
            "answers of an instance's metadata service",
            2048,
            List.of(Libraries.VERTX_JSON),
            _ -> new InstanceAnswers()),
    ADMIN_PATHS("requests on the administrator's socket", 512, List.of(), _ -> new AdminPaths()),
    ADMIN_ANSWERS(
            "answers on the administrator's socket",
            4096,
            List.of(Libraries.JSON, Libraries.VERTX_JSON),
            _ -> new AdminAnswers()),
    SERVER_FRAMES("what a server sends to the agent", 4096, List.of(Libraries.JSON), _ -> new ServerFrames()),
    PAIRING_ANSWERS(
            "answers of the control plane to the agent",
            4096,
            List.of(Libraries.JSON, Libraries.VERTX_JSON),
            _ -> new PairingAnswers());

    /** Classes of libraries that see input before this project does; they guide the engine as this project's classes do. */
    private static final class Libraries {
        static final String JSON = "com.fasterxml.jackson.core.**";
        static final String LZ4 = "net.jpountz.**";
        static final String VERTX_JSON = "io.vertx.core.json.**";
        static final String YAML = "org.snakeyaml.**";
        static final String PEM = "org.bouncycastle.util.**";
        static final String X509 = "sun.security.x509.**";
    }

    private static final String PROJECT = "org.replicationserver.**";

    private final String reads;
    private final int bytesMax;
    private final List<String> libraries;
    private final Function<Path, FuzzTarget> maker;

    Parser(String reads, int bytesMax, List<String> libraries, Function<Path, FuzzTarget> maker) {
        this.reads = reads;
        this.bytesMax = bytesMax;
        this.libraries = libraries;
        this.maker = maker;
    }

    /**
     * The constant with this name, as {@link #label} has it.
     *
     * @throws IllegalArgumentException with the names that are known
     */
    public static Parser named(String label) {
        return Arrays.stream(values())
                .filter(parser -> parser.label().equals(label))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("unknown parser " + label + "; known: "
                        + Arrays.stream(values()).map(Parser::label).collect(Collectors.joining(", "))));
    }

    /** Its name on the command line, and of its corpus. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** What it reads, in words. */
    public String reads() {
        return reads;
    }

    /** Inputs that the engine makes are no longer. */
    public int bytesMax() {
        return bytesMax;
    }

    /** Patterns of the classes whose branches guide the engine. */
    List<String> instrumented() {
        return Stream.concat(Stream.of(PROJECT), libraries.stream()).toList();
    }

    /**
     * A target for one thread.
     *
     * @param directory for files that it writes; of this process alone
     */
    public FuzzTarget open(Path directory) {
        return maker.apply(directory);
    }
}
