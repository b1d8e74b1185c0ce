package org.replicationserver.receiver.config;

import java.math.BigDecimal;
import java.net.InetAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The type of a key's value. Immutable, any thread.
 *
 * @param allowed the values in words, with their unit
 * @param parser reads a text; throws IllegalArgumentException or ArithmeticException for what is not allowed
 * @param isList whether a value is several words, with commas between them or as a YAML sequence
 */
record ValueType<T>(String allowed, Function<String, T> parser, boolean isList) {
    private static final Pattern INTEGER = Pattern.compile("[0-9]{1,9}");
    private static final Pattern SECONDS = Pattern.compile("[0-9]{1,7}(\\.[0-9]{1,3})?");
    private static final Pattern IP_V4 = Pattern.compile("[0-9]{1,3}(\\.[0-9]{1,3}){3}");
    private static final Pattern S3_VPC_ENDPOINT = Pattern.compile("bucket\\.vpce-[a-z0-9]+(?:-[a-z0-9]+)*\\.s3\\."
            + IdForm.REGION.pattern() + "\\.vpce(?:\\.[a-z0-9]+(?:-[a-z0-9]+)*)+\\.[a-z]+");
    private static final Pattern COMMA = Pattern.compile(",");

    /** The value, or null if it is not allowed. */
    @Nullable
    T parse(String text) {
        try {
            return parser.apply(text);
        } catch (IllegalArgumentException | ArithmeticException e) {
            return null;
        }
    }

    static ValueType<Integer> integer(int min, int max) {
        return scalar("an integer from " + min + " to " + max, text -> {
            require(INTEGER.matcher(text).matches());
            int value = Integer.parseInt(text);
            require(value >= min && value <= max);
            return value;
        });
    }

    static ValueType<Long> bytes(long min, long max) {
        String allowed = "bytes from " + ByteSize.format(min) + " to " + ByteSize.format(max)
                + ", as a plain number or in KiB, MiB, GiB, TiB";
        return scalar(allowed, text -> {
            long value = ByteSize.parse(text);
            require(value >= min && value <= max);
            return value;
        });
    }

    /** Bounds are in milliseconds; values are in seconds, with up to three decimals. */
    static ValueType<Duration> seconds(long minMillis, long maxMillis) {
        String allowed = "seconds from " + inSeconds(minMillis) + " to " + inSeconds(maxMillis);
        return scalar(allowed, text -> {
            require(SECONDS.matcher(text).matches());
            long millis = new BigDecimal(text).movePointRight(3).longValueExact();
            require(millis >= minMillis && millis <= maxMillis);
            return Duration.ofMillis(millis);
        });
    }

    private static String inSeconds(long millis) {
        return BigDecimal.valueOf(millis, 3).stripTrailingZeros().toPlainString();
    }

    static ValueType<String> id(IdForm form) {
        return scalar(form.allowed(), text -> {
            require(form.matches(text));
            return text;
        });
    }

    static ValueType<String> ipAddress() {
        return scalar("an IPv4 or IPv6 address; :: is all addresses of both families", text -> {
            require(text.contains(":") || IP_V4.matcher(text).matches());
            InetAddress.ofLiteral(text);
            return text;
        });
    }

    static ValueType<Boolean> bool() {
        return scalar("true or false", text -> {
            require(text.equals("true") || text.equals("false"));
            return Boolean.valueOf(text);
        });
    }

    /** A value that may be left empty, to be found out or not to be used. */
    static <T> ValueType<Optional<T>> optional(ValueType<T> type) {
        return new ValueType<>(
                type.allowed() + ", or empty",
                text -> text.isEmpty()
                        ? Optional.empty()
                        : Optional.of(type.parser().apply(text)),
                type.isList());
    }

    static ValueType<String> s3VpcEndpoint() {
        return scalar("a name as bucket.vpce-0123456789abcdef0-01234567.s3.us-east-1.vpce.amazonaws.com", text -> {
            require(S3_VPC_ENDPOINT.matcher(text).matches());
            return text;
        });
    }

    static ValueType<URI> httpsEndpoint() {
        return scalar("https://HOST or https://HOST:PORT", text -> {
            URI uri = URI.create(text);
            require("https".equals(uri.getScheme()) && uri.getHost() != null && uri.getPort() != 0);
            require(uri.getPort() <= 65535 && uri.getRawUserInfo() == null);
            require(uri.getRawPath().isEmpty() && uri.getRawQuery() == null && uri.getRawFragment() == null);
            return uri;
        });
    }

    /** Paths become absolute when the configuration is loaded. */
    static ValueType<Path> path() {
        return scalar("a path; a relative one starts at the working directory", text -> {
            require(!text.isBlank());
            return Path.of(text).toAbsolutePath().normalize();
        });
    }

    /** One constant of an enum, in lower case. */
    static <E extends Enum<E>> ValueType<E> choice(Class<E> type) {
        List<E> constants = List.of(type.getEnumConstants());
        List<String> words = constants.stream().map(ValueType::wordOf).toList();
        return scalar(String.join(" or ", words), text -> constants.get(requireIndex(words.indexOf(text))));
    }

    private static String wordOf(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    /** One or more of some words, each once. */
    static ValueType<Set<String>> choices(Collection<String> words) {
        String allowed = "one or more of " + String.join(", ", words);
        return new ValueType<>(
                allowed,
                text -> {
                    List<String> given = Arrays.stream(COMMA.split(text, -1))
                            .map(String::strip)
                            .toList();
                    Set<String> chosen = new LinkedHashSet<>(given);
                    require(words.containsAll(chosen) && chosen.size() == given.size());
                    return chosen;
                },
                true);
    }

    private static <T> ValueType<T> scalar(String allowed, Function<String, T> parser) {
        return new ValueType<>(allowed, parser, false);
    }

    private static int requireIndex(int index) {
        require(index >= 0);
        return index;
    }

    private static void require(boolean allowed) {
        if (!allowed) {
            throw new IllegalArgumentException();
        }
    }
}
