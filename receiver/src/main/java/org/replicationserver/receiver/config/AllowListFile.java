package org.replicationserver.receiver.config;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The buckets that software may be fetched from: a line each with the bucket and, if there is one, the bucket with the hashes of its
 * objects; {@code #} begins a comment. A file without a bucket allows no software. The one that is built in has the buckets of the
 * service's network requirements.
 */
public final class AllowListFile {
    /** In a name, stands for the region of the server. */
    public static final String REGION = "<REGION>";

    static final int RULES_MAX = 64;
    static final int BYTES_MAX = 64 * 1024;

    /** S3 allows dots too, but no certificate covers them in the name of a host. */
    private static final Pattern BUCKET = Pattern.compile("[a-z0-9](?:[a-z0-9-]|<REGION>){1,61}(?:[a-z0-9]|<REGION>)");

    private static final String ALLOWED = "a bucket of lower-case letters, digits and hyphens, perhaps with " + REGION
            + ", and perhaps the bucket of its hashes";
    private static final String BUILT_IN = "/software/allow-list.txt";
    private static final Pattern SPACES = Pattern.compile("\\s+");

    /**
     * A bucket and where the hashes of its objects are.
     *
     * @param objects may hold {@link #REGION}, as {@code hashes}
     * @param hashes null where whoever asks for an object has to give its hash
     */
    public record Rule(String objects, @Nullable String hashes) {}

    private final String name;
    private final Mistakes mistakes = new Mistakes();
    private final Map<String, Rule> rules = new LinkedHashMap<>();

    private AllowListFile(String name) {
        this.name = name;
    }

    /** What is built in. */
    public static List<Rule> builtIn() {
        try (InputStream file = AllowListFile.class.getResourceAsStream(BUILT_IN)) {
            if (file == null) {
                throw new IllegalStateException("the program is without " + BUILT_IN);
            }
            return new AllowListFile(BUILT_IN).parse(file);
        } catch (IOException | ConfigException e) {
            throw new IllegalStateException("the program is without a sound " + BUILT_IN, e);
        }
    }

    /**
     * Reads a file.
     *
     * @param path empty for what is built in
     * @throws ConfigException with a line for each mistake
     */
    public static List<Rule> read(Optional<Path> path) throws ConfigException {
        return path.isEmpty() ? builtIn() : read(path.get());
    }

    private static List<Rule> read(Path path) throws ConfigException {
        AllowListFile list = new AllowListFile(path.toString());
        try (InputStream file = Files.newInputStream(path)) {
            return list.parse(file);
        } catch (IOException e) {
            throw new ConfigException(List.of(list.name + ": cannot be read: " + IoReason.of(e, list.name)));
        }
    }

    private List<Rule> parse(InputStream file) throws IOException, ConfigException {
        byte[] bytes = file.readNBytes(BYTES_MAX + 1);
        if (bytes.length > BYTES_MAX) {
            mistakes.add(name, "larger than " + ByteSize.format(BYTES_MAX));
        } else {
            parse(new String(bytes, StandardCharsets.UTF_8).lines().toList());
        }
        mistakes.throwIfAny();
        return List.copyOf(rules.values());
    }

    private void parse(List<String> lines) {
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).replaceFirst("#.*", "").strip();
            if (!line.isEmpty()) {
                add(name + ":" + (i + 1), SPACES.split(line));
            }
        }
        if (rules.size() > RULES_MAX) {
            mistakes.add(name, rules.size() + " buckets; allowed: 0 to " + RULES_MAX);
        }
    }

    private void add(String where, String[] words) {
        List<String> wrong = new ArrayList<>(List.of(words));
        wrong.removeIf(word -> BUCKET.matcher(word).matches());
        if (!wrong.isEmpty() || words.length > 2) {
            mistakes.value(where, "bucket", wrong.isEmpty() ? String.join(" ", words) : wrong.getFirst(), ALLOWED);
            return;
        }
        Rule rule = new Rule(words[0], words.length == 2 ? words[1] : null);
        if (rules.putIfAbsent(rule.objects(), rule) != null) {
            mistakes.add(where, "bucket " + Mistakes.display(rule.objects()) + " is given twice");
        }
    }
}
