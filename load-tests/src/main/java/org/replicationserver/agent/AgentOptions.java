package org.replicationserver.agent;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.listener.TlsEngine;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/**
 * What an agent shall do. Immutable; {@link #of} gives the defaults and each {@code with} one change.
 *
 * @param identityDirectory where the agent's key and certificate are, or will be made
 * @param cycles cycles after the initial sync, or {@link #ENDLESS}
 * @param quietSource nobody writes to the disks while an epoch is read
 * @param markCommand freezes and thaws the source, or null
 * @param connectTimeout gives up when no session was open for so long; zero for never
 * @param seed of the waits between attempts and of grease
 */
public record AgentOptions(
        List<SourceDisk> sources,
        ServerAddress server,
        ServerPins serverPins,
        String sourceServerId,
        Path identityDirectory,
        int streams,
        int readers,
        TlsEngine tlsEngine,
        int cycles,
        Duration cyclePause,
        boolean quietSource,
        @Nullable String markCommand,
        boolean grease,
        Duration connectTimeout,
        long seed) {
    public static final int ENDLESS = ReplicationPlan.ENDLESS;
    public static final int STREAMS_DEFAULT = 5;
    public static final int READERS_MAX = 16;

    private static final Pattern ID = Pattern.compile("[A-Za-z0-9._-]{1,128}");

    public AgentOptions {
        sources = List.copyOf(sources);
        require(
                !sources.isEmpty() && sources.size() <= ProtocolLimits.DISKS_MAX,
                "sources: " + sources.size() + ", allowed are 1 to " + ProtocolLimits.DISKS_MAX);
        long names = sources.stream().map(SourceDisk::deviceName).distinct().count();
        require(names == sources.size(), "sources: two have the same device name");
        require(ID.matcher(sourceServerId).matches(), "source server id: allowed are 1 to 128 of A-Z a-z 0-9 . _ -");
        require(
                streams >= 1 && streams <= ProtocolLimits.STREAMS_MAX,
                "streams: " + streams + ", allowed are 1 to " + ProtocolLimits.STREAMS_MAX);
        require(readers >= 1 && readers <= READERS_MAX, "readers: " + readers + ", allowed are 1 to " + READERS_MAX);
        require(cycles >= ENDLESS, "cycles: " + cycles + ", allowed are 0 and more, or " + ENDLESS + " for no end");
        require(!cyclePause.isNegative(), "cycle pause: must not be negative");
        require(!connectTimeout.isNegative(), "connect timeout: must not be negative");
    }

    /** The defaults for what must be given. */
    public static AgentOptions of(
            List<SourceDisk> sources,
            ServerAddress server,
            ServerPins serverPins,
            String sourceServerId,
            Path identityDirectory) {
        return new AgentOptions(
                sources,
                server,
                serverPins,
                sourceServerId,
                identityDirectory,
                STREAMS_DEFAULT,
                1,
                TlsEngine.AUTO,
                ENDLESS,
                Duration.ofSeconds(60),
                false,
                null,
                true,
                Duration.ZERO,
                System.nanoTime());
    }

    public AgentOptions withStreams(int newStreams) {
        return new AgentOptions(
                sources,
                server,
                serverPins,
                sourceServerId,
                identityDirectory,
                newStreams,
                readers,
                tlsEngine,
                cycles,
                cyclePause,
                quietSource,
                markCommand,
                grease,
                connectTimeout,
                seed);
    }

    public AgentOptions withReaders(int newReaders) {
        return new AgentOptions(
                sources,
                server,
                serverPins,
                sourceServerId,
                identityDirectory,
                streams,
                newReaders,
                tlsEngine,
                cycles,
                cyclePause,
                quietSource,
                markCommand,
                grease,
                connectTimeout,
                seed);
    }

    public AgentOptions withTlsEngine(TlsEngine newEngine) {
        return new AgentOptions(
                sources,
                server,
                serverPins,
                sourceServerId,
                identityDirectory,
                streams,
                readers,
                newEngine,
                cycles,
                cyclePause,
                quietSource,
                markCommand,
                grease,
                connectTimeout,
                seed);
    }

    public AgentOptions withCycles(int newCycles, Duration newPause) {
        return new AgentOptions(
                sources,
                server,
                serverPins,
                sourceServerId,
                identityDirectory,
                streams,
                readers,
                tlsEngine,
                newCycles,
                newPause,
                quietSource,
                markCommand,
                grease,
                connectTimeout,
                seed);
    }

    public AgentOptions withQuietSource(boolean newQuiet) {
        return new AgentOptions(
                sources,
                server,
                serverPins,
                sourceServerId,
                identityDirectory,
                streams,
                readers,
                tlsEngine,
                cycles,
                cyclePause,
                newQuiet,
                markCommand,
                grease,
                connectTimeout,
                seed);
    }

    public AgentOptions withMarkCommand(@Nullable String newCommand) {
        return new AgentOptions(
                sources,
                server,
                serverPins,
                sourceServerId,
                identityDirectory,
                streams,
                readers,
                tlsEngine,
                cycles,
                cyclePause,
                quietSource,
                newCommand,
                grease,
                connectTimeout,
                seed);
    }

    public AgentOptions withGrease(boolean newGrease) {
        return new AgentOptions(
                sources,
                server,
                serverPins,
                sourceServerId,
                identityDirectory,
                streams,
                readers,
                tlsEngine,
                cycles,
                cyclePause,
                quietSource,
                markCommand,
                newGrease,
                connectTimeout,
                seed);
    }

    public AgentOptions withConnectTimeout(Duration newTimeout) {
        return new AgentOptions(
                sources,
                server,
                serverPins,
                sourceServerId,
                identityDirectory,
                streams,
                readers,
                tlsEngine,
                cycles,
                cyclePause,
                quietSource,
                markCommand,
                grease,
                newTimeout,
                seed);
    }

    public AgentOptions withSeed(long newSeed) {
        return new AgentOptions(
                sources,
                server,
                serverPins,
                sourceServerId,
                identityDirectory,
                streams,
                readers,
                tlsEngine,
                cycles,
                cyclePause,
                quietSource,
                markCommand,
                grease,
                connectTimeout,
                newSeed);
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalArgumentException(otherwise);
        }
    }
}
