using AdaptFormer.Experiments;
using AdaptFormer.Runs.Experiments;
using Xunit;

namespace AdaptFormer.Tests.Experiments;

public sealed class TrialSlotsTests
{
    [Fact]
    public void Few_cores_train_one_after_the_other_with_all_of_them()
    {
        TrialSlots slots = new(cores: 2, int.MaxValue, jobs: null, () => long.MaxValue);
        Assert.Equal((1, 2, 1), (slots.Most, slots.Threads, slots.Allowed(0, 1)));
    }

    [Fact]
    public void The_first_trial_is_measured_alone_and_then_memory_decides()
    {
        long free = 7_000;
        TrialSlots slots = new(cores: 16, int.MaxValue, jobs: null, () => free);
        Assert.Equal((4, 4), (slots.Most, slots.Threads));
        Assert.Equal(1, slots.Allowed(0, peakBytes: 0));
        Assert.Equal(2, slots.Allowed(0, peakBytes: 2_500));        // 7000 / 3000
        free = 1_000;
        Assert.Equal(1, slots.Allowed(1, peakBytes: 2_500));        // no more beside the one that runs
        Assert.Equal(1, slots.Allowed(0, peakBytes: 2_500));        // but never none
    }

    [Fact]
    public void What_the_user_asks_for_holds_unless_the_host_cannot()
    {
        Assert.Equal(3, new TrialSlots(2, int.MaxValue, jobs: 3, () => 0).Allowed(0, 1));
        Assert.Equal(1, new TrialSlots(16, maxJobs: 1, jobs: 3, () => 0).Allowed(0, 1));
    }
}
