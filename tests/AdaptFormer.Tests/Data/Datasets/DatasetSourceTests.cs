using AdaptFormer.Data;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class DatasetSourceTests
{
    [Fact]
    public void Unknown_kinds_and_missing_paths_are_named()
    {
        Assert.Contains("tfrecord", Assert.Throws<ArgumentException>(() => DatasetSource.Open("tfrecord:x")).Message);
        Assert.Contains("nowhere.csv", Assert.Throws<FileNotFoundException>(() => DatasetSource.Open("nowhere.csv")).Message);
    }
}
