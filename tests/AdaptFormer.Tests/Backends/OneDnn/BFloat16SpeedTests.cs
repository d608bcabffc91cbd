using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.OneDnn;
using Xunit;
using Provider = AdaptFormer.Tensors.Backends.OneDnn.OneDnn;

namespace AdaptFormer.Tests.Backends.OneDnn;

public sealed class BFloat16SpeedTests
{
    [Theory]
    [InlineData(null, "AuthenticAMD", false)]
    [InlineData("brg:avx512_core_amx_bf16", "GenuineIntel", true)]
    [InlineData("brg_matmul:avx10_1_512_amx", "GenuineIntel", true)]
    [InlineData("brg:avx512_core_bf16", "AuthenticAMD", true)]
    [InlineData("brg:avx512_core_bf16", "GenuineIntel", false)]
    [InlineData("brg:sve_256", "", false)]
    public void The_kernel_and_the_maker_of_the_cpu_tell_whether_bf16_is_faster(string? implementation, string vendor, bool faster)
    {
        (bool found, string why) = BFloat16Speed.Of(implementation, vendor);
        Assert.Equal(faster, found);
        Assert.NotEmpty(why);
    }

    [Fact]
    public void This_cpu_says_who_made_it_where_there_is_a_way_to_ask() =>
        Assert.Equal(System.Runtime.Intrinsics.X86.X86Base.IsSupported ? 12 : 0, BFloat16Speed.Vendor.Length);

    [Fact]
    public void The_library_answers_as_the_table_says()
    {
        Assert.SkipUnless(Provider.Available, Provider.Why);
        Assert.Equal(Provider.Library!.FastBFloat16, Provider.BFloat16.Faster);
        Assert.True(Provider.BlockedBFloat16 || !Provider.BFloat16.Faster);
    }

    [Fact]
    public void Without_oneDNN_there_is_no_fast_bf16()
    {
        Assert.SkipUnless(NativeSwitch.Off, "oneDNN is not hidden here.");
        Assert.False(Provider.BFloat16.Faster);
        Assert.False(Backend.Current.FastBFloat16);
    }
}
