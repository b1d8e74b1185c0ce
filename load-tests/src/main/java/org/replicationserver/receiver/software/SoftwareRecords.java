package org.replicationserver.receiver.software;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.replicationserver.fuzz.FuzzTarget;
import org.replicationserver.fuzz.Rules;
import org.replicationserver.fuzz.ScratchFile;
import org.replicationserver.receiver.config.AllowListFile;
import org.replicationserver.receiver.config.ConfigException;

/**
 * What says which software may be fetched and which was. The first byte of an input chooses: {@code trusted.json}, {@code object.json} of
 * an object that is not whole, an allow-list, the address of an object, two versions with a line feed between them, a public key.
 *
 * <p>Rules: what is damaged is refused with a line that says so, or counts as not there; what was read is the same when it is written and
 * read again; an address is taken only of a host that the allow-list makes; versions have an order.
 */
public final class SoftwareRecords implements FuzzTarget {
    private static final int LINE_CHARS_MAX = 4096;

    private final Path directory;
    private final ScratchFile trusted;
    private final ScratchFile partial;
    private final ScratchFile listed;
    private final ScratchFile key;
    private final AllowList builtIn;

    /** With files in a directory of its own. */
    public SoftwareRecords(Path directory) {
        this.directory = directory;
        trusted = new ScratchFile(directory, "trusted.json");
        partial = new ScratchFile(directory, "object.json");
        listed = new ScratchFile(directory, "allow-list.txt");
        key = new ScratchFile(directory, "signing.pem");
        try {
            builtIn = AllowList.of(AllowListFile.builtIn(), "us-east-1", AllowList.Hosts.REGIONAL);
        } catch (SoftwareException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void run(byte[] input) throws IOException {
        if (input.length == 0) {
            return;
        }
        byte[] bytes = Arrays.copyOfRange(input, 1, input.length);
        try {
            switch (Byte.toUnsignedInt(input[0]) % 6) {
                case 0 -> trusted(bytes);
                case 1 -> partial(bytes);
                case 2 -> allowList(bytes);
                case 3 -> address(new String(bytes, StandardCharsets.ISO_8859_1));
                case 4 -> versions(new String(bytes, StandardCharsets.ISO_8859_1));
                default -> SoftwareSignature.by(key.with(bytes));
            }
        } catch (SoftwareException e) {
            Rules.requireLine(e.sentence(), LINE_CHARS_MAX);
            Rules.requireLine(e.nextAction(), LINE_CHARS_MAX);
        }
    }

    private void trusted(byte[] bytes) throws IOException, SoftwareException {
        trusted.with(bytes);
        Map<String, TrustedName> read = SoftwareStore.read(directory);
        JsonObject again = new JsonObject();
        read.forEach((name, one) -> again.put(name, one.toJson()));
        trusted.with(again.encode().getBytes(StandardCharsets.UTF_8));
        Rules.requireSame(read, SoftwareStore.read(directory), "what is trusted is the same when it is read again");
    }

    private void partial(byte[] bytes) throws IOException {
        partial.with(bytes);
        PartialObject read = PartialObject.read(directory);
        if (read != null) {
            // What is durable is not what is looked at, and would cost the time.
            Path again = Files.createDirectories(directory.resolve("again"));
            read.write(again);
            Rules.requireSame(read, PartialObject.read(again), "a part of an object is the same when it is read again");
        }
    }

    private void allowList(byte[] bytes) throws IOException, SoftwareException {
        List<AllowListFile.Rule> rules;
        try {
            rules = AllowListFile.read(Optional.of(listed.with(bytes)));
        } catch (ConfigException e) {
            e.lines().forEach(line -> Rules.requireLine(line, LINE_CHARS_MAX));
            return;
        }
        AllowList list = AllowList.of(rules, "us-east-1", AllowList.Hosts.REGIONAL);
        for (String bucket : list.buckets()) {
            Rules.requireSame(list.hostOf(bucket), list.addressOf(bucket).getHost(), "a bucket has a host");
        }
    }

    private void address(String address) throws SoftwareException {
        ObjectName object = builtIn.object(address);
        Rules.require(
                address.startsWith("https://" + builtIn.hostOf(object.bucket()) + "/")
                        && address.endsWith("/" + object.key()),
                "an address is of a host of the list, letter by letter");
        Rules.requireSame(object, ObjectName.of(object.bucket(), object.key()), "a key that was taken is a key");
        String path = "/" + object.key() + "/";
        Rules.require(
                !path.contains("//") && !path.contains("/./") && !path.contains("/../"),
                "a key leads nowhere else: " + path);
    }

    private static void versions(String text) {
        String[] pair = text.split("\n", 2);
        SoftwareVersion one = SoftwareVersion.parse(pair[0]);
        SoftwareVersion other = SoftwareVersion.parse(pair[pair.length - 1]);
        if (one != null && other != null) {
            int order = one.compareTo(other);
            Rules.require(
                    Integer.signum(order) == -Integer.signum(other.compareTo(one)), "an order has two directions");
            Rules.require((order == 0) == one.equals(other), "what is neither older nor newer is the same");
            Rules.require(
                    order != 0 || one.hashCode() == other.hashCode(), "the same versions have the same hash code");
        }
    }
}
