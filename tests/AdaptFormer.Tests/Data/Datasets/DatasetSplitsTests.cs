using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
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

    [Fact]
    public void What_is_not_there_can_be_left_out()
    {
        using TempFolder folder = new();
        folder.WritePng("1.png", 1);
        folder.WritePng("f/0.png", 1);
        LabelledDataset pictures = DatasetSplits.WithoutMissing(DatasetSource.Open(folder.Write("list.csv", "none.png,a\n1.png,b\n")));
        Assert.Equal(["a", "b"], pictures.ClassNames);
        Assert.Equal("1.png", Path.GetFileName(pictures.Source(0)));
        Assert.Contains("1 of 2", pictures.Name, StringComparison.Ordinal);
        LabelledDataset clips = DatasetSplits.WithoutMissing(Clips.Open(folder.Write("clips.csv", "clip,label\nf,a\ng,b\n")));
        Assert.Equal((1, 1), (clips.Count, clips.FrameCount(0)));
        Assert.Contains("not one of its 1 items", Assert.Throws<FileNotFoundException>(() => DatasetSplits.WithoutMissing(DatasetSource.Open(folder.Write("none.csv", "none.png,a\n")))).Message, StringComparison.Ordinal);
        LabelledDataset whole = DatasetSource.Open(folder.Write("one.csv", "1.png,b\n"));
        Assert.Same(whole, DatasetSplits.WithoutMissing(whole));
    }
}
