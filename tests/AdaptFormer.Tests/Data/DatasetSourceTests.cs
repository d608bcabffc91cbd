using AdaptFormer.Data;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class DatasetSourceTests
{
    [Fact]
    public void A_path_may_say_the_kind_that_a_recipe_leaves_open()
    {
        using TempFolder folder = new();
        string list = folder.Write("list", "a.png,x\n");
        Assert.Equal(1, DatasetSource.Open($"auto:csv:{list}").Count);
        Assert.Equal(1, DatasetSource.Open($"csv:{list}").Count);
        folder.WritePng("f/0.png", 1);
        string frames = folder.Write("frames", "f 1 0\n");
        Assert.Equal(1, Clips.Open($"auto:frame-list:{frames}").Count);
        Assert.True(DatasetSource.MeansClips($"auto:frame-list:{frames}"));
        Assert.False(DatasetSource.MeansClips($"auto:csv:{list}"));
    }

    [Theory]
    [InlineData("synthetic-downstream:0:1:32")]
    [InlineData("synthetic-downstream:-3")]
    [InlineData("synthetic-downstream:10:1:0")]
    public void Synthetic_counts_start_at_one(string spec) =>
        Assert.Contains("a count and a side of at least 1", Assert.Throws<ArgumentException>(() => DatasetSource.Open(spec)).Message);

    [Fact]
    public void Unknown_kinds_and_missing_paths_are_named()
    {
        Assert.Contains("tfrecord", Assert.Throws<ArgumentException>(() => DatasetSource.Open("tfrecord:x")).Message);
        Assert.Contains("nowhere.csv", Assert.Throws<FileNotFoundException>(() => DatasetSource.Open("nowhere.csv")).Message);
    }
}
