using AdaptFormer.Data;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class DatasetSplitsTests
{
    [Fact]
    public void The_part_set_aside_is_stratified_disjoint_and_repeatable()
    {
        using TempFolder folder = new();
        string csv = folder.Write("list.csv", string.Join('\n', Enumerable.Range(0, 100).Select(i => $"{i}.png,{(i % 5 == 0 ? "rare" : "common")}")));
        ManifestDataset data = ManifestDataset.Open(csv);
        (SubsetDataset kept, SubsetDataset aside) = DatasetSplits.Stratified(data, 0.25, seed: 3);
        Assert.Equal([20, 5], aside.CountPerClass());
        Assert.Equal(Enumerable.Range(0, 100), kept.Indices.Concat(aside.Indices).Order());
        Assert.Equal(aside.Indices, DatasetSplits.Stratified(data, 0.25, seed: 3).Aside.Indices);
        Assert.NotEqual(aside.Indices, DatasetSplits.Stratified(data, 0.25, seed: 4).Aside.Indices);
        Assert.Equal(data.Source(aside.Indices[3]), aside.Source(3));
    }
}
