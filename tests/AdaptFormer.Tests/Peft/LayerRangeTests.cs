using AdaptFormer.Peft;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace AdaptFormer.Tests.Peft;

public sealed class LayerRangeTests
{
    [Theory]
    [InlineData("all", new[] { 0, 1, 2, 3, 4, 5 })]
    [InlineData("2-4", new[] { 1, 2, 3 })]
    [InlineData("6", new[] { 5 })]
    [InlineData("5, 1 , 2 - 3", new[] { 0, 1, 2, 4 })]
    [InlineData("1-3,2-4,3", new[] { 0, 1, 2, 3 })]
    public void Blocks_are_counted_from_one(string text, int[] expected) => Assert.Equal(expected, LayerRange.Parse(text, 6));

    [Theory]
    [InlineData("")]
    [InlineData("none")]
    [InlineData("0")]
    [InlineData("7")]
    [InlineData("4-2")]
    [InlineData("1-")]
    [InlineData("-3")]
    [InlineData("1-2-3")]
    [InlineData("1,,2")]
    [InlineData("+1")]
    [InlineData("1.5")]
    [InlineData("99999999999")]
    public void Anything_else_is_refused_with_what_would_be_right(string text) =>
        Assert.Equal($"tuning.layers is '{text}', expected 'all' or blocks between 1 and 6 such as '7-12' or '1,3,5-8'.",
            Assert.Throws<ArgumentException>(() => LayerRange.Parse(text, 6)).Message);

    [Fact]
    public void A_list_of_ranges_names_exactly_its_blocks()
    {
        Gen<(int, int)[]> ranges = Gen.Choose(1, 24).Two().Select(pair => (Math.Min(pair.Item1, pair.Item2), Math.Max(pair.Item1, pair.Item2))).ArrayOf().Where(list => list.Length > 0);
        Prop.ForAll(ranges.ToArbitrary(), list =>
        {
            string text = string.Join(',', list.Select(range => range.Item1 == range.Item2 ? $"{range.Item1}" : $"{range.Item1}-{range.Item2}"));
            IEnumerable<int> expected = Enumerable.Range(0, 24).Where(block => list.Any(range => range.Item1 <= block + 1 && block + 1 <= range.Item2));
            return LayerRange.Parse(text, 24).SequenceEqual(expected);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Any_text_is_either_understood_or_refused()
    {
        Prop.ForAll(ArbMap.Default.ArbFor<NonNull<string>>(), text =>
        {
            try
            {
                return LayerRange.Parse(text.Get, 12).All(block => block is >= 0 and < 12);
            }
            catch (ArgumentException error)
            {
                return error.Message.StartsWith("tuning.layers is '", StringComparison.Ordinal);
            }
        }).QuickCheckThrowOnFailure();
    }
}
