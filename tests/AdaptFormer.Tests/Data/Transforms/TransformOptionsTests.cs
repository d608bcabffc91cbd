using AdaptFormer.Data.Transforms;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class TransformOptionsTests
{
    private static readonly TransformOptions Good = new();

    public static TheoryData<string, TransformOptions> Wrong => new()
    {
        { "min_area is 0", Good with { MinArea = 0 } },
        { "min_area is 1.5", Good with { MinArea = 1.5 } },
        { "min_area is NaN", Good with { MinArea = double.NaN } },
        { "img_size is 0", Good with { ImgSize = 0, EvalResize = 0 } },
        { "img_size is 4097", Good with { ImgSize = 4097, EvalResize = 0 } },
        { "eval_resize is 8193", Good with { EvalResize = 8193 } },
        { "eval_resize is 8", Good with { ImgSize = 9, EvalResize = 8 } },
        { "crops is 2", Good with { Crops = 2 } },
        { "erase is 1.5", Good with { Erase = 1.5 } },
        { "num_frames is 1025", Good with { Clip = new ClipOptions(NumFrames: 1025) } },
        { "sampling_rate is 0", Good with { Clip = new ClipOptions(SamplingRate: 0) } },
        { "segments is 101", Good with { Clip = new ClipOptions(Segments: 101) } },
    };

    [Fact]
    public void Values_are_taken_up_to_their_ends() => Assert.All(
        [Good, Good with { MinArea = 1, ImgSize = 1, EvalResize = 0 }, Good with { ImgSize = 4096, EvalResize = 8192, Crops = 3, Erase = 1 }], one => one.Validate());

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void Values_behind_them_are_refused_by_name(string says, TransformOptions wrong) =>
        Assert.Contains(says, Assert.Throws<ArgumentException>(wrong.Validate).Message, StringComparison.Ordinal);
}
