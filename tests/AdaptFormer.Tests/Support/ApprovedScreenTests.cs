using Xunit;

namespace AdaptFormer.Tests.Support;

public sealed class ApprovedScreenTests
{
    [Theory]
    [InlineData("time: 3.1 s and 2 min 05 s", "time: # s and # s")]
    [InlineData("  top-1   71.25 ± 0.40 %", "  top-1   # %")]
    [InlineData("loss 2.1  val 3.0 %  lr 0.1", "loss # val # % lr 0.1")]
    [InlineData("8 pictures  of 3 classes", "8 pictures  of 3 classes")]
    [InlineData("one|    two 3 %|next|    line", "one two # %|next|    line")]
    [InlineData("╭─────┬──╮|│ 9 % │ a│|╰─────┴──╯|╭───╮|│  8│|╰───╯", "╭─┬─╮|│ # % │ a│|╰─┴─╯|╭───╮|│  8│|╰───╯")]
    [InlineData("adam, float32 on CPU, managed", "adam, TYPE on CPU, BACKEND")]
    public void Numbers_that_vary_are_masked_with_the_layout_that_they_decide(string lines, string masked) =>
        Assert.Equal(masked.Split('|'), ApprovedScreen.Masked(lines.Split('|'), text => text));
}
