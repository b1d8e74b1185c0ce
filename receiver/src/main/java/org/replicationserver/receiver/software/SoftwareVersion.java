package org.replicationserver.receiver.software;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A version of software: 1 to 8 numbers with dots between them, each of 1 to 9 digits. Compared number by number; one that is not there is
 * 0, so 1.2 is 1.2.0. Immutable.
 */
public final class SoftwareVersion implements Comparable<SoftwareVersion> {
    /** What is allowed, in words. */
    public static final String ALLOWED =
            "1 to 8 numbers of at most 9 digits, without leading zeros, with dots between them";

    /** What is allowed. */
    public static final Pattern FORM = Pattern.compile("(?:0|[1-9][0-9]{0,8})(?:\\.(?:0|[1-9][0-9]{0,8})){0,7}");

    private static final Pattern DOT = Pattern.compile("\\.");

    private final String text;
    private final List<Integer> numbers;

    private SoftwareVersion(String text) {
        this.text = text;
        this.numbers = Arrays.stream(DOT.split(text, -1)).map(Integer::valueOf).toList();
    }

    /** The version, or null if the text is none. */
    public static @Nullable SoftwareVersion parse(String text) {
        return FORM.matcher(text).matches() ? new SoftwareVersion(text) : null;
    }

    /**
     * A version that was stored.
     *
     * @return null for null
     * @throws IllegalArgumentException for a text that is none
     */
    static @Nullable SoftwareVersion read(@Nullable String text) {
        SoftwareVersion version = text == null ? null : parse(text);
        if (text != null && version == null) {
            throw new IllegalArgumentException("version=" + text);
        }
        return version;
    }

    @Override
    public int compareTo(SoftwareVersion other) {
        for (int i = 0; i < Math.max(numbers.size(), other.numbers.size()); i++) {
            int order = Integer.compare(numberAt(i), other.numberAt(i));
            if (order != 0) {
                return order;
            }
        }
        return 0;
    }

    private int numberAt(int index) {
        return index < numbers.size() ? numbers.get(index) : 0;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof SoftwareVersion version && compareTo(version) == 0;
    }

    @Override
    public int hashCode() {
        int last = numbers.size();
        while (last > 0 && numbers.get(last - 1) == 0) {
            last--;
        }
        return numbers.subList(0, last).hashCode();
    }

    /** As it was given. */
    @Override
    public String toString() {
        return text;
    }
}
