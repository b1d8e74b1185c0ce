package org.replicationserver.simulation;

/**
 * What goes wrong in a run and how often; each seed takes a part of what there is, so that rare combinations come up and each fault is
 * also met without the others.
 *
 * @param serverKills chance that the server is killed, of each device operation, each step of a state record and each second, in percent
 * @param outages of the ends of servers, in percent: the source server loses its power too, as if both were at one site
 * @param powerLosses of kills, in percent: what was not forced may be lost, and agents hear nothing
 * @param agentKills each second, in percent
 * @param cuts each second, of each connection, in percent
 * @param halfOpens the same, of connections that fall silent in one or both directions
 * @param writeErrors of each write, in percent
 * @param forceErrors of each force, in percent
 * @param stalls of each device operation, in percent
 * @param openErrors of each opening of a device, in percent
 * @param stateLosses of each server's end, in percent: its records cannot be read afterwards
 * @param rescans each second, in percent: an operator or a control plane wants a volume sent whole
 * @param holds each second, in percent
 * @param clones each second, in percent: the agent's machine stands still, another agent takes its place for a while, then the first
 *     goes on where it was
 * @param swaps of each volume that is reopened, in percent: another device has come in its place
 * @param spoils each second, in percent: a bit of a disk is not any more what was written, and nobody is told; only where volumes are
 *     verified
 * @param takeovers each second, in percent: the volumes go to another server, be it that the former gives them away or that they are taken
 *     from it
 * @param flips of each DATA frame, in percent: one bit of it arrives wrong, as if TLS had not been there
 * @param readErrors of each read of a device, and of each time that its cache is given up, in percent
 */
record FaultMix(
        double serverKills,
        double outages,
        double powerLosses,
        double agentKills,
        double cuts,
        double halfOpens,
        double writeErrors,
        double forceErrors,
        double stalls,
        double openErrors,
        double stateLosses,
        double rescans,
        double holds,
        double clones,
        double swaps,
        double takeovers,
        double flips,
        double spoils,
        double readErrors) {

    static final FaultMix NONE = new FaultMix(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    static FaultMix draw(Dice dice) {
        return new FaultMix(
                some(dice, 3),
                some(dice, 40),
                dice.below(101),
                some(dice, 10),
                some(dice, 20),
                some(dice, 10),
                some(dice, 2),
                some(dice, 4),
                some(dice, 3),
                some(dice, 30),
                some(dice, 30),
                some(dice, 5),
                some(dice, 30),
                some(dice, 12),
                some(dice, 50),
                some(dice, 10),
                some(dice, 5),
                some(dice, 40),
                some(dice, 10));
    }

    /** The same with one agent at a time: an agent that comes back is not told of another one that only a lost server knew of. */
    FaultMix withoutClones() {
        return with(0, takeovers);
    }

    /** The same at the server of another mix: what goes wrong with the server is that of the other, and so is whether it may be another one. */
    FaultMix atServerOf(FaultMix other) {
        return new FaultMix(
                other.serverKills,
                outages,
                other.powerLosses,
                agentKills,
                cuts,
                halfOpens,
                writeErrors,
                forceErrors,
                stalls,
                openErrors,
                other.stateLosses,
                rescans,
                holds,
                clones,
                swaps,
                other.takeovers,
                flips,
                spoils,
                readErrors);
    }

    /** Nothing goes wrong, but volumes are held as often. */
    FaultMix onlyHolds() {
        return new FaultMix(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, holds, 0, 0, 0, 0, 0, 0);
    }

    /** The same with one server for ever. */
    FaultMix withoutTakeovers() {
        return with(clones, 0);
    }

    private FaultMix with(double otherClones, double otherTakeovers) {
        return new FaultMix(
                serverKills,
                outages,
                powerLosses,
                agentKills,
                cuts,
                halfOpens,
                writeErrors,
                forceErrors,
                stalls,
                openErrors,
                stateLosses,
                rescans,
                holds,
                otherClones,
                swaps,
                otherTakeovers,
                flips,
                spoils,
                readErrors);
    }

    private static double some(Dice dice, double most) {
        return dice.percent(50) ? 0 : most * (1 + dice.below(100)) / 100;
    }
}
