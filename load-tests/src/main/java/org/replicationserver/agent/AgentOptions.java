package org.replicationserver.agent;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.listener.TlsEngine;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/** What an agent shall do. Immutable; {@link #of} gives the defaults and each {@code with} one change. */
public final class AgentOptions {
    public static final int ENDLESS = ReplicationPlan.ENDLESS;
    public static final int STREAMS_DEFAULT = 5;
    public static final int READERS_MAX = 16;

    private static final Duration DURATION_MAX = Duration.ofDays(365);

    private final List<SourceDisk> sources;
    private final ServerLookup server;
    private final String sourceServerId;
    private final Path identityDirectory;

    // changed only in a copy that nobody has seen yet
    private int streams = STREAMS_DEFAULT;
    private int readers = 1;
    private TlsEngine tlsEngine = TlsEngine.AUTO;
    private int cycles = ENDLESS;
    private Duration cyclePause = Duration.ofSeconds(60);
    private Duration verifyEvery = Duration.ZERO;
    private boolean quietSource;
    private @Nullable String markCommand;
    private Duration markPatience = Duration.ofMinutes(10);
    private boolean grease = true;
    private Duration connectTimeout = Duration.ZERO;
    private long seed = System.nanoTime();

    private AgentOptions(List<SourceDisk> sources, ServerLookup server, String sourceServerId, Path identityDirectory) {
        this.sources = List.copyOf(sources);
        this.server = server;
        this.sourceServerId = sourceServerId;
        this.identityDirectory = identityDirectory;
    }

    private AgentOptions(AgentOptions from) {
        this(from.sources, from.server, from.sourceServerId, from.identityDirectory);
        this.streams = from.streams;
        this.readers = from.readers;
        this.tlsEngine = from.tlsEngine;
        this.cycles = from.cycles;
        this.cyclePause = from.cyclePause;
        this.verifyEvery = from.verifyEvery;
        this.quietSource = from.quietSource;
        this.markCommand = from.markCommand;
        this.markPatience = from.markPatience;
        this.grease = from.grease;
        this.connectTimeout = from.connectTimeout;
        this.seed = from.seed;
    }

    /**
     * The defaults for what must be given.
     *
     * @param identityDirectory where the agent's key and certificate are, or will be made
     */
    public static AgentOptions of(
            List<SourceDisk> sources,
            ServerAddress server,
            ServerPins serverPins,
            String sourceServerId,
            Path identityDirectory) {
        return of(sources, new GivenServer(server, serverPins), sourceServerId, identityDirectory);
    }

    /** The same for a server that is looked up before each session. */
    public static AgentOptions of(
            List<SourceDisk> sources, ServerLookup server, String sourceServerId, Path identityDirectory) {
        requireSources(sources);
        requireSourceServerId(sourceServerId);
        return new AgentOptions(sources, server, sourceServerId, identityDirectory);
    }

    static List<SourceDisk> requireSources(List<SourceDisk> sources) {
        requireBetween(sources.size(), 1, ProtocolLimits.DISKS_MAX);
        long names = sources.stream().map(SourceDisk::deviceName).distinct().count();
        require(names == sources.size(), "the same disk is given twice, allowed is each once");
        return sources;
    }

    static String requireSourceServerId(String id) {
        require(Hello.ID.matcher(id).matches(), "'" + id + "', allowed are 1 to 128 of A-Z a-z 0-9 . _ -");
        return id;
    }

    public AgentOptions withStreams(int newStreams) {
        requireBetween(newStreams, 1, ProtocolLimits.STREAMS_MAX);
        return with(copy -> copy.streams = newStreams);
    }

    public AgentOptions withReaders(int newReaders) {
        requireBetween(newReaders, 1, READERS_MAX);
        return with(copy -> copy.readers = newReaders);
    }

    public AgentOptions withTlsEngine(TlsEngine newEngine) {
        return with(copy -> copy.tlsEngine = newEngine);
    }

    /** Cycles after the initial sync, or {@link #ENDLESS}, and the time from a commit to the next cycle. */
    public AgentOptions withCycles(int newCycles, Duration newPause) {
        requireBetween(newCycles, ENDLESS, Integer.MAX_VALUE);
        requireDuration(newPause);
        return with(copy -> {
            copy.cycles = newCycles;
            copy.cyclePause = newPause;
        });
    }

    /** The time from a verification to the next, of which the first follows the first commit; zero for none. */
    public AgentOptions withVerifyEvery(Duration newEvery) {
        requireDuration(newEvery);
        return with(copy -> copy.verifyEvery = newEvery);
    }

    /** Whether nobody writes to the disks while an epoch is read. */
    public AgentOptions withQuietSource(boolean newQuiet) {
        return with(copy -> copy.quietSource = newQuiet);
    }

    /** What freezes and thaws the source, or null. */
    public AgentOptions withMarkCommand(@Nullable String newCommand) {
        return with(copy -> copy.markCommand = newCommand);
    }

    /** How long a freeze, and a thaw, may take. */
    public AgentOptions withMarkPatience(Duration newPatience) {
        requireDuration(newPatience);
        return with(copy -> copy.markPatience = newPatience);
    }

    public AgentOptions withGrease(boolean newGrease) {
        return with(copy -> copy.grease = newGrease);
    }

    /** Gives up when no session was open for so long; zero for never. */
    public AgentOptions withConnectTimeout(Duration newTimeout) {
        requireDuration(newTimeout);
        return with(copy -> copy.connectTimeout = newTimeout);
    }

    /** Of the waits between attempts and of grease. */
    public AgentOptions withSeed(long newSeed) {
        return with(copy -> copy.seed = newSeed);
    }

    List<SourceDisk> sources() {
        return sources;
    }

    ServerLookup server() {
        return server;
    }

    String sourceServerId() {
        return sourceServerId;
    }

    Path identityDirectory() {
        return identityDirectory;
    }

    int streams() {
        return streams;
    }

    int readers() {
        return readers;
    }

    TlsEngine tlsEngine() {
        return tlsEngine;
    }

    int cycles() {
        return cycles;
    }

    Duration cyclePause() {
        return cyclePause;
    }

    Duration verifyEvery() {
        return verifyEvery;
    }

    boolean quietSource() {
        return quietSource;
    }

    /** A new one, or null if there is none. */
    @Nullable
    MarkCommand newMarkCommand() {
        return markCommand == null ? null : new MarkCommand(markCommand, markPatience);
    }

    boolean grease() {
        return grease;
    }

    Duration connectTimeout() {
        return connectTimeout;
    }

    long seed() {
        return seed;
    }

    private AgentOptions with(Consumer<AgentOptions> change) {
        AgentOptions copy = new AgentOptions(this);
        change.accept(copy);
        return copy;
    }

    private static void requireBetween(long value, long min, long max) {
        require(value >= min && value <= max, value + ", allowed are " + min + " to " + max);
    }

    private static void requireDuration(Duration duration) {
        require(
                !duration.isNegative() && duration.compareTo(DURATION_MAX) <= 0,
                duration.toSeconds() + " s, allowed are 0 to " + DURATION_MAX.toSeconds());
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalArgumentException(otherwise);
        }
    }
}
